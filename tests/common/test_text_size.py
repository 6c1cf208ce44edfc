"""The counter that pages show: exactly what senders count, and what would make a text cheaper."""

from hypothesis import given
from hypothesis import strategies as st

from common.segments import count_segments
from common.text_size import PLAIN, plainly, size_of

MARKS = st.sampled_from([*PLAIN, "€", "á", "ç", "^", "\r\n", "\n", "😀", "a", "é", "\x1b", "`"])
TEXTS = st.one_of(st.text(max_size=400), st.lists(MARKS, max_size=330).map("".join))


@given(TEXTS)
def test_it_agrees_with_what_is_counted_when_a_text_leaves(text: str) -> None:
    size, counted = size_of(text), count_segments(text)
    assert (size.segments, size.units) == (counted.count, counted.units)
    assert size.unicode == (counted.encoding == "UCS-2") == bool(size.forcing)
    if size.forcing:
        assert size.forcing[0].char == counted.forced_by


@given(TEXTS.map(lambda text: text.replace("\r", "")))
def test_what_is_left_fits_and_not_one_more(text: str) -> None:
    size = size_of(text)
    assert size.left >= 0
    assert count_segments(text + "a" * size.left).count == size.segments
    assert count_segments(text + "a" * (size.left + 1)).count == size.segments + 1


@given(TEXTS)
def test_plain_characters_cost_no_more_and_replace_only_what_they_can(text: str) -> None:
    plain = plainly(text)
    assert count_segments(plain).count <= count_segments(text).count
    assert plainly(plain) == plain
    assert not set(plain) & set(PLAIN)
    size = size_of(text)
    assert (size.plain is None) == (not any(one.instead is not None for one in size.forcing))


def test_it_names_what_forces_unicode() -> None:
    size = size_of("We’re here — call… 😀")
    assert [one.name for one in size.forcing] == [
        "curly apostrophe", "long dash", "ellipsis", "grinning face"
    ]  # fmt: skip
    assert (
        size.plain == "We're here - call... 😀"
        and size.told == "1 segment, Unicode, because of curly apostrophe"
    )
    assert size_of("a" * 152 + "€" + "a" * 152).segments == 3
    assert size_of("").left == 160
