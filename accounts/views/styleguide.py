"""Every piece of the design language on one page, with made-up content."""

from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from common import clock


class ExampleForm(forms.Form):
    """Fields of every kind, two of them wrong."""

    name = forms.CharField(label="Campaign name", max_length=40)
    email = forms.EmailField(label="Email", help_text="Where we write when a campaign pauses itself.")
    audience = forms.ChoiceField(
        label="Audience", choices=[("", "Choose an audience"), ("1", "Last visit a year ago")]
    )
    starts_at = forms.DateTimeField(label="Start at", required=False)
    message = forms.CharField(label="Message", widget=forms.Textarea(attrs={"rows": 3}), required=False)


@dataclass(frozen=True)
class Share:
    """A share as the pages show them."""

    part: int
    whole: int

    @property
    def percent(self) -> str:
        """For people."""
        return f"{100 * self.part / self.whole:.1f}%" if self.whole else "—"


@require_safe
@access.require()
def styleguide(request: access.Request) -> HttpResponse:
    """The page."""
    now = clock.now()
    context = {
        "form": ExampleForm({"name": "Fall tune-up", "email": "dana@", "audience": ""}),
        "booking_rate": Share(14, 452),
        "nothing": Share(0, 0),
        "now": now,
        "last_year": now - timedelta(days=400),
        "tones": ["", "good", "warn", "bad", "info"],
    }
    return render(request, "styleguide.html", context)
