"""Settings, Limits & consents: how often one home is touched, and whether texts need a consent."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access, audit
from accounts.access import Request
from audiences.models import Consent, ReachLimits
from audiences.models.reach_limits import MOST_PER_DAY, MOST_PER_WEEK
from audiences.suppression import PHONE_TOUCHES_PER_DAY

DAYS = 7


class LimitsForm(forms.ModelForm):
    """The two household caps and the switch."""

    household_per_day = forms.IntegerField(
        label="Touches of one home in any 24 hours", min_value=1, max_value=MOST_PER_DAY,
        help_text=f"1 to {MOST_PER_DAY}",
    )  # fmt: skip
    household_per_week = forms.IntegerField(
        label="Touches of one home in any 7 days", min_value=1, max_value=MOST_PER_WEEK,
        help_text=f"1 to {MOST_PER_WEEK}, and no fewer than in a day",
    )  # fmt: skip

    class Meta:
        model = ReachLimits
        fields = ["household_per_day", "household_per_week", "texts_need_consent"]
        labels = {"texts_need_consent": "Text only people with a recorded written consent"}

    def clean(self) -> dict[str, Any]:
        """A week must allow what one of its days does."""
        cleaned: dict[str, Any] = super().clean() or {}
        day, week = cleaned.get("household_per_day"), cleaned.get("household_per_week")
        if day and week and day > week:
            self.add_error("household_per_week", f"A week cannot hold fewer than a day: at least {day}.")
        return cleaned


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def limits(request: Request) -> HttpResponse:
    """What holds now; an admin changes it, with effect on the very next text."""
    row = access.rows(request, ReachLimits).first() or ReachLimits(account=request.account)
    before = {name: getattr(row, name) for name in LimitsForm.Meta.fields}
    form = LimitsForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        _save(request, form, before)
        return redirect("audiences:limits")
    agreed = access.rows(request, Consent).filter(ended_at=None)
    counts = dict(agreed.values_list("kind").annotate(n=Count("pk")))
    context = {
        "form": form,
        "limits": before,
        "phone_ceiling": PHONE_TOUCHES_PER_DAY,
        "week": fullest_week(before["household_per_day"], before["household_per_week"]),
        "agreed": [(kind.value, kind.label, counts.get(kind, 0)) for kind in Consent.Kind],
    }
    return render(request, "settings/limits.html", context, status=422 if form.errors else 200)


def fullest_week(per_day: int, per_week: int) -> list[list[bool]]:
    """The fullest week a home can have, day by day: a dot for each touch a day allows, filled while the week
    has room for it."""
    left, days = per_week, []
    for _ in range(DAYS):
        filled = min(per_day, left)
        left -= filled
        days.append([place < filled for place in range(per_day)])
    return days


@transaction.atomic
def _save(request: Request, form: LimitsForm, before: dict[str, Any]) -> None:
    """Keep what changed, with an entry of before and after; nothing changed is no entry."""
    if not form.has_changed():
        messages.info(request, "Nothing was different, so nothing was changed.")
        return
    row = form.save()
    audit.record(
        account=request.account, by=request.user, verb="changed_limits", on=row,
        summary=f"Changed the limits of a home to {row}"
        + (", texts only with a recorded consent" if row.texts_need_consent else ""),
        detail={name: f"{before[name]} → {getattr(row, name)}" for name in form.changed_data},
    )  # fmt: skip
    messages.success(request, "The limits are saved and hold from the next text on.")
