"""Equal homes share a key however they are written, and different ones never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.households import LONGEST_KEY, household_key, normalise_address

SAME = [
    ("12 North Main Street, Apt. 4", "", "55401"),
    ("12 N Main St", "4", "55401-1234"),
    ("12 N. MAIN ST. #4", "", "55401"),
    ("  12   north main str apartment 4 ", "", "55401"),
    ("12 N Main St", "Unit 4", "55401"),
    ("12 Nórth Main St, Suite 4", "", "55401"),
]


def test_one_home_has_one_spelling():
    assert {normalise_address(*written) for written in SAME} == {"12 N MAIN ST #4 55401"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("12 Main St", "", "55401"), ("12 Main St", "4", "55401")),
        (("12 Main St", "", "55401"), ("21 Main St", "", "55401")),
        (("12 Main St", "", "55401"), ("12 Main Ave", "", "55401")),
        (("12 Main St", "", "55401"), ("12 Main St", "", "55402")),
        (("12 N Main St", "", "55401"), ("12 S Main St", "", "55401")),
        (("12 Main St", "4A", "55401"), ("12 Main St", "4B", "55401")),
    ],
)
def test_different_homes_differ(one, other):
    assert normalise_address(*one) != normalise_address(*other)


def test_unit_words_in_street_names_are_no_units():
    assert normalise_address("12 Old Lot Road", "", "55401") == normalise_address(
        "12 old lot rd.", "", "55401"
    )
    assert "#" not in normalise_address("12 Old Lot Road", "", "55401")


def test_an_address_without_a_number_names_no_home():
    assert normalise_address("Main Street", "", "55401") == "" == normalise_address("", "4", "55401")
    assert normalise_address("P.O. Box 12", "", "55401") == normalise_address("PO BOX 12", "", "55401") != ""


def test_key_falls_back_to_the_customer():
    home = {"street": "12 Main St", "zip_code": "55401"}
    assert household_key(residential=True, customer_id=7, **home) == "a:12 MAIN ST 55401"
    assert household_key(residential=False, customer_id=7, **home) == "c:7"
    assert household_key(residential=True, customer_id=7, street="", zip_code="55401") == "c:7"
    assert household_key(residential=True, customer_id=7, street="12 Main St", zip_code=" ") == "c:7"


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=12))
def test_any_text_gives_a_stable_key_that_fits(street, unit, zip_code):
    key = household_key(residential=True, customer_id=7, street=street, unit=unit, zip_code=zip_code)
    assert len(key) <= LONGEST_KEY
    again = household_key(
        residential=True, customer_id=7, street=street.lower(), unit=unit, zip_code=zip_code
    )
    assert "ß" in street or key == again or street.lower().upper() != street.upper()
