"""The terms of a campaign as a form: part of a launch's last stage, and the pace of a running campaign."""

from typing import Any

from django import forms

from accounts.models import Account
from campaigns import terms
from campaigns.models import Campaign
from campaigns.terms import CANARY_FEWEST, Again, Terms

MOST_TEXTS, MOST_HOURS, MOST_DAYS = 1_000_000, 30 * 24, 730
MOST_CREDIT, MOST_MINUTES, MOST_PERCENT, MOST_FIRST = 365, 7 * 24 * 60, 50, 10_000
ALL, PERCENT, PEOPLE = "all", "percent", "people"
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


def number_field(
    label: str, most: int, help_text: str, initial: int, *, least: int = 1
) -> forms.IntegerField:
    """A whole number from `least` to `most`."""
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=least,
        max_value=most,
        initial=initial,
        help_text=help_text,
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
    credit_window_days = number_field(
        "Credit jobs within (days)", MOST_CREDIT, "Of a message. Blank: 30 days.", terms.CREDIT_DAYS
    )
    first = forms.ChoiceField(
        label="Who goes first",
        required=False,
        choices=[
            (ALL, "Everybody at once"),
            (PERCENT, "A share, then the others"),
            (PEOPLE, "A few, then the others"),
        ],
        initial=ALL,
        widget=forms.RadioSelect,
    )
    canary_percent = number_field("Percent of them", MOST_PERCENT, f"{CANARY_FEWEST} people at least.", 1)
    canary_people = number_field(
        "How many", MOST_FIRST, f"{CANARY_FEWEST} at least.", 12, least=CANARY_FEWEST
    )
    canary_minutes = number_field(
        "The others follow after (minutes)", MOST_MINUTES,
        "Counted once the first ones have had their message. The campaign pauses itself if two or more of "
        "them fail or opt out, and that is more than your limits allow.",
        terms.CANARY_MINUTES,
    )  # fmt: skip
    account: Account

    def clean(self) -> dict[str, Any]:
        """Late joiners need their last day; what is not asked for is no mistake."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("joining") == UNTIL:
            if cleaned.get("joins_until") is None and "joins_until" not in self.errors:
                self.add_error("joins_until", "Choose the last day to join, or let nobody join later.")
        else:
            self._not_asked(cleaned, "joins_until", *([] if cleaned.get("repeats") else ["again_days"]))
        first = cleaned.get("first") or ALL
        for choice, name in ((PERCENT, "canary_percent"), (PEOPLE, "canary_people")):
            if first != choice:
                self._not_asked(cleaned, name)
            elif not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "Say how many go first, or let everybody go at once.")
        if first == ALL:
            self._not_asked(cleaned, "canary_minutes")
        return cleaned

    def _not_asked(self, cleaned: dict[str, Any], *names: str) -> None:
        for name in names:
            self.errors.pop(name, None)
            cleaned[name] = None

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
            again=Again.AFTER_DAYS if days else self._again(),
            again_days=days,
            credit_window_days=found.get("credit_window_days") or terms.CREDIT_DAYS,
            canary_people=found.get("canary_people"),
            canary_percent=found.get("canary_percent"),
            canary_minutes=found.get("canary_minutes") or terms.CANARY_MINUTES,
        )

    def _again(self) -> str:
        """Whether somebody may enter once more; without days of its own."""
        return Again.NEVER

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
        "credit_window_days": str(kept.credit_window_days),
        "first": PERCENT if kept.canary_percent else PEOPLE if kept.canary_people else ALL,
        "canary_percent": str(kept.canary_percent or ""),
        "canary_people": str(kept.canary_people or ""),
        "canary_minutes": str(kept.canary_minutes),
    }
