"""Where somebody may be, from their address and their phones."""

import pytest
from phonenumbers import geocoder
from phonenumbers import parse as parse_number

from audiences import hours
from audiences.area_codes import STATE_OF_AREA_CODE
from audiences.places import STATE_OF_ZIP_AREA, STATE_ZONES, locate, zones_of_phone
from audiences.state_names import _CODES, state_code

E, C, M, P = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"


@pytest.mark.parametrize(
    ("where", "zones", "states"),
    [
        ({"state": "NY", "zip_code": "10001"}, [E], ["NY"]),
        ({"state": "FL", "zip_code": "32501"}, [C], ["FL"]),  # Pensacola
        ({"state": "FL", "zip_code": "33101"}, [E], ["FL"]),
        ({"state": "FL"}, [C, E], ["FL"]),  # no ZIP: both must allow it
        ({"state": "FL", "zip_code": "32456"}, [C, E], ["FL"]),
        ({"zip_code": "79901"}, [M], ["TX"]),  # El Paso
        ({"state": "TN", "zip_code": "37201"}, [C], ["TN"]),
        ({"state": "TN", "zip_code": "37902"}, [E], ["TN"]),
        ({"state": "AZ", "zip_code": "85001"}, ["America/Phoenix"], ["AZ"]),
        (
            {"state": "AZ", "zip_code": "86503"},
            [M, "America/Phoenix"],
            ["AZ"],
        ),  # Navajo Nation keeps summer time
        ({"state": "GA", "zip_code": "35203"}, [C, E], ["AL", "GA"]),  # they disagree: both count
        ({"state": "CA", "zip_code": "90001", "phones": ["+12125550100"]}, [P, E], ["CA", "NY"]),
        (
            {"state": "FL", "zip_code": "32501", "phones": ["+18505550100"]},
            [C],
            ["FL"],
        ),  # 850 spans both: agrees
        ({"phones": ["+18505550100"]}, [C, E], ["FL"]),
        ({"phones": ["+18005550100"]}, [], []),  # toll-free names no place
        ({"state": "ZZ"}, [], []),
        ({}, [], []),
    ],
)
def test_candidates(where, zones, states):
    place = locate(**where)
    assert sorted(place.zones) == sorted(zones)
    assert list(place.states) == states


def test_area_codes_agree_with_libphonenumber():
    abbreviated = {"NY": "New York", "FL": "Florida", "OK": "Oklahoma", "TX": "Texas", "CA": "California"}
    for code, state in STATE_OF_AREA_CODE.items():
        said = geocoder.description_for_number(parse_number(f"+1{code}2000000"), "en")
        if ", " in said and state not in ("VA", "DC"):
            assert said[-2:] == state, (code, said)
        elif state in abbreviated:
            assert said in (abbreviated[state], "", f"{said}"), (code, said)
        zones = zones_of_phone(f"+1{code}5550100")
        assert zones & STATE_ZONES[state], (code, zones)


def test_every_state_has_an_area_code_and_a_zip_area():
    states = set(STATE_ZONES) - {"PR", "VI", "GU", "MP", "AS"}
    assert set(STATE_OF_AREA_CODE.values()) == states
    assert states <= set(STATE_OF_ZIP_AREA.values())


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("MN", "MN"), (" mn ", "MN"), ("Minnesota", "MN"), ("CONNECTICUT", "CT"), ("new  york", "NY"),
        ("D.C.", "DC"), ("Washington, D.C.", "DC"), ("Washington", "WA"), ("West Virginia", "WV"),
        ("Minn", ""), ("ON, Canada", ""), ("M1", ""), ("", ""),
    ],
)  # fmt: skip
def test_state_is_read_whole_or_not_at_all(written, code):
    assert state_code(written) == code


def test_every_state_that_has_zones_can_be_written_out():
    assert set(_CODES.values()) == set(STATE_ZONES)


@pytest.mark.django_db
def test_phones_from_all_over_still_make_a_zone_set():
    area_codes = {state: code for code, state in STATE_OF_AREA_CODE.items()}
    phones = [f"+1{code}5550142" for code in area_codes.values()]
    found = hours.zone_set_for(phones=phones)
    assert len(found.states) > 45 and len(found.key) <= 200
    assert hours.zone_set_for(phones=phones) == found != hours.zone_set_for(phones=phones[:-9])
