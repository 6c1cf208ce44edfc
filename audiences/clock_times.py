"""A day and a time as the company's clocks show them, typed into a form."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from audiences.moments import struck

YEARS = range(1900, 2200)  # of the others neither a person nor every time zone's arithmetic knows anything


class ClockTimeField(forms.DateTimeField):
    """An instant, typed as clocks in the present time zone show it.

    A time that clocks leave out or repeat in the night they change is no mistake of whoever types it: it is
    taken as everywhere else (`moments.struck`), as the next that exists, or as its first.
    """

    default_error_messages = {"invalid": "Choose a day and a time that exist."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        )
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """The instant; None for blank. Raises ValidationError for what is no time, or none that can be."""
        try:
            found = super().to_python(value)
        except ValidationError as wrong:
            shown = (wrong.params or {}).get("datetime")
            if not isinstance(shown, datetime) or shown.year not in YEARS:
                raise ValidationError(self.error_messages["invalid"], code="invalid") from wrong
            return struck([timezone.get_current_timezone_name()], shown.date(), shown.time())
        if found is not None and found.year not in YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return found
