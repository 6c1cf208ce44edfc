"""The terms of a campaign as a form: part of a launch's last stage, and the pace of a running campaign."""

from typing import Any

from django import forms

from accounts.models import Account
from campaigns import terms
from campaigns.models import Campaign
from campaigns.terms import Again, Terms

MOST_TEXTS, MOST_HOURS, MOST_DAYS = 1_000_000, 30 * 24, 730
NOBODY, UNTIL = "nobody", "until"
_TOO_MANY = "Choose at most %(limit_value)s."
_TOO_FEW = "Choose at least %(limit_value)s."
_BOUNDS = {"max_value": _TOO_MANY, "min_value": _TOO_FEW, "invalid": "Type a whole number."}


def pace_field() -> forms.IntegerField:
    """Texts an hour; blank for as fast as the number sends."""
    return forms.IntegerField(
        label="Most texts an hour",
        required=False,
        min_value=1,
        max_value=MOST_TEXTS,
        help_text="Spread evenly over the hour, never in bursts. Blank: as fast as the number sends.",
        error_messages=_BOUNDS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class TermsForm(forms.Form):
    """What may be chosen beside the start. What is left alone has its default."""

    texts_per_hour = pace_field()
    send_by_hours = forms.IntegerField(
        label="Skip what is late by (hours)",
        required=False,
        min_value=1,
        max_value=MOST_HOURS,
        initial=terms.SEND_BY_HOURS,
        help_text="Counted from when it was due: closed hours, caps and pauses included.",
        error_messages=_BOUNDS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    exits = forms.MultipleChoiceField(
        label="Leave early",
        required=False,
        choices=[
            (
                terms.BOOKED,
                "Who books: has a new job, even one that we hear of only afterwards",
            ),
            (terms.REPLIED, "Who replies, whatever the workflow does with replies"),
            (terms.LEFT_AUDIENCE, "Who no longer matches the audience"),
        ],
        initial=[terms.BOOKED],
        widget=forms.CheckboxSelectMultiple,
    )
    joining = forms.ChoiceField(
        label="Join later",
        required=False,
        choices=[
            (NOBODY, "Nobody: the audience is who matches at launch"),
            (UNTIL, "Whoever comes to match, until a day of my choosing"),
        ],
        initial=NOBODY,
        widget=forms.RadioSelect,
    )
    joins_until = forms.DateField(
        label="Last day to join",
        required=False,
        help_text="The campaign stays active until that day is over.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    again_days = forms.IntegerField(
        label="Enter again after (days)",
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Since the last time ended, if they match still. Blank: nobody enters twice.",
        error_messages=_BOUNDS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    account: Account

    def clean(self) -> dict[str, Any]:
        """Late joiners need their last day; what is not asked for is no mistake."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("joining") == UNTIL:
            if cleaned.get("joins_until") is None and "joins_until" not in self.errors:
                self.add_error("joins_until", "Choose the last day to join, or let nobody join later.")
        else:
            for name in ("joins_until", "again_days"):
                self.errors.pop(name, None)
                cleaned[name] = None
        return cleaned

    def terms(self) -> Terms:
        """What was chosen, as far as it is valid."""
        found = self.cleaned_data
        until, days = found.get("joins_until"), found.get("again_days")
        return Terms(
            texts_per_hour=found.get("texts_per_hour"),
            send_by_hours=found.get("send_by_hours") or terms.SEND_BY_HOURS,
            # A draft that has not been at this stage has no list, which is not an empty one.
            exits=tuple(found.get("exits") or ()) if "exits" in self.data else Terms().exits,
            joins_until=terms.end_of(until, self.account) if until else None,
            again=Again.AFTER_DAYS if days else Again.NEVER,
            again_days=days,
        )

    @property
    def unusual(self) -> bool:
        """Whether anything differs from what a launch has unless somebody chooses."""
        if not self.is_bound:
            return any(
                str(self.initial.get(name, "")) not in ("", str(field.initial))
                for name, field in TermsForm.base_fields.items()
            )
        return bool(self.errors) or self.terms() != Terms()


class PaceForm(forms.Form):
    """The pace of a campaign that runs."""

    texts_per_hour = pace_field()


def fields_of(campaign: Campaign) -> dict[str, Any]:
    """The terms of a campaign as raw fields of a new draft. The last day to join is chosen anew."""
    kept = terms.of(campaign)
    return {
        "texts_per_hour": str(kept.texts_per_hour or ""),
        "send_by_hours": str(campaign.send_by_hours),
        "exits": list(kept.exits),
        "joining": UNTIL if kept.joins_until else NOBODY,
        "again_days": str(kept.again_days or ""),
    }
