"""Numbers as people write them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.phone import PhoneKind, display_phone, e164_of, parse_phone

_DIGITS = "0123456789"
_SEPARATORS = st.sampled_from(
    ["", " ", "-", ".", ") ", "(", " (", ")", "--", "  ", "/", "+", "\xa0", "x", "１"]
)


@pytest.mark.parametrize(
    "written",
    ["(512) 555-0142", "512.555.0142", "1-512-555-0142", "+1 512 555 0142", "5125550142", " 512 555 0142 "],
)
def test_every_way_of_writing_gives_one_number(written: str) -> None:
    phone = parse_phone(written)
    assert phone is not None and phone.e164 == "+15125550142"


@pytest.mark.parametrize(
    "written",
    ["", "none", "911", "12345", "555-0142", "012-555-0142", "512-155-0142", "512555014", "+1512555014200"],
)
def test_what_cannot_be_a_number_is_refused(written: str) -> None:
    assert parse_phone(written) is None


def test_reserved_example_numbers_are_accepted_even_in_unassigned_area_codes() -> None:
    phone = parse_phone("555-555-0142")
    assert phone is not None
    assert (phone.e164, phone.kind, phone.zones) == ("+15555550142", PhoneKind.UNKNOWN, ())


@pytest.mark.parametrize(
    ("e164", "region", "zones"),
    [
        ("+15125550142", "US", ("America/Chicago",)),
        ("+19075550101", "US", ("America/Adak", "America/Anchorage")),
        ("+14165550199", "CA", ("America/Toronto",)),
        ("+447911123456", "GG", ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/London")),
    ],
)
def test_the_number_tells_its_candidate_zones(e164: str, region: str, zones: tuple[str, ...]) -> None:
    phone = parse_phone(e164)
    assert phone is not None
    assert (phone.e164, phone.region, phone.zones) == (e164, region, zones)


def test_toll_free_numbers_tell_no_zone() -> None:
    phone = parse_phone("(800) 555-0199")
    assert phone is not None
    assert (phone.kind, phone.zones) == (PhoneKind.TOLL_FREE, ())


def test_an_extension_is_kept_apart() -> None:
    phone = parse_phone("512-555-0142 ext. 12")
    assert phone is not None
    assert (phone.e164, phone.extension) == ("+15125550142", "12")


def test_display_is_national_at_home_and_international_abroad() -> None:
    assert display_phone("+15125550142") == "(512) 555-0142"
    assert display_phone("+447911123456").startswith("+44 ")


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Ten or eleven digits in threes and fours, with whatever people write around them."""
    groups = [draw(st.sampled_from(["", "1", "+1", "0", "+", "001"]))]
    groups += [draw(st.text(_DIGITS, min_size=size, max_size=size)) for size in (3, 3, 4)]
    groups.append(draw(st.sampled_from(["", "", " ", " x12", ";ext=3", "\n", "5"])))
    return "".join(part for group in groups for part in (draw(_SEPARATORS), group))


@settings(max_examples=600, deadline=None)
@given(spellings() | st.text("0123456789 ()+-.x", max_size=20) | st.from_regex(r"[2-9]\d{2}[2-9]\d{6}"))
@example("+15125550142")
@example("(512)555-0142 ")
@example("1(512) 555.0142")
@example("512) 555-0142")
def test_the_short_way_reads_as_the_long_one(written: str) -> None:
    phone = parse_phone(written)
    assert e164_of(written) == (phone.e164 if phone else "")
