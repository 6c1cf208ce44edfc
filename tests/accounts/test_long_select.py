"""A long list of choices is the element that Django would have written."""

import re
from typing import Any

import pytest
from django import forms

from accounts import zones
from accounts.long_select import LongSelect

CHOICES = [("", "None"), ("Group <one>", [(1, "Tom & Sue"), ("2", '"Two"')]), ("b", "B")]


def said(element: str) -> str:
    """Without the white space that Django puts between its elements."""
    return re.sub(r">\s+<", "><", element.strip())


@pytest.mark.parametrize("value", [None, "", 1, "2", "b", "unknown"])
@pytest.mark.parametrize("attrs", [{}, {"id": "id_zone", "required": True, "data-n": 3, "disabled": False}])
def test_it_says_what_django_says(value: Any, attrs: dict[str, Any]) -> None:
    theirs = forms.Select(choices=CHOICES).render("zone", value, attrs)
    assert said(LongSelect(choices=CHOICES).render("zone", value, attrs)) == said(theirs)


def test_a_form_shows_all_zones() -> None:
    class Zoned(forms.Form):
        zone = forms.ChoiceField(choices=zones.choices, widget=LongSelect)

    shown = str(Zoned({"zone": "America/Denver"})["zone"])
    assert shown.count("<option") == sum(len(group) for _, group in zones.choices())
    assert '<option value="America/Denver" selected>Mountain · Denver</option>' in shown
