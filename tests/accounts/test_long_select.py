"""A long list of choices is the element that Django would have written."""

from typing import Any

import pytest
from django import forms
from django.test.html import parse_html

from accounts import zones
from accounts.long_select import LongSelect

CHOICES = [("", "None"), ("Group <one>", [(1, "Tom & Sue"), ("2", '"Two"')]), ("b", "B")]


@pytest.mark.parametrize("value", [None, "", 1, "2", "b", "unknown"])
@pytest.mark.parametrize("attrs", [{}, {"id": "id_zone", "required": True, "data-n": 3, "disabled": False}])
def test_it_says_what_django_says(value: Any, attrs: dict[str, Any]) -> None:
    theirs = forms.Select(choices=CHOICES).render("zone", value, attrs)
    assert parse_html(LongSelect(choices=CHOICES).render("zone", value, attrs)) == parse_html(theirs)


def test_a_form_shows_all_zones() -> None:
    class Zoned(forms.Form):
        zone = forms.ChoiceField(choices=zones.choices, widget=LongSelect)

    shown = str(Zoned({"zone": "America/Denver"})["zone"])
    assert shown.count("<option") == sum(len(group) for _, group in zones.choices())
    assert '<option value="America/Denver" selected>Mountain · Denver</option>' in shown
