"""What holds for every reply: a keyword is one however it is typed, and our own words are never a wish."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations import reading
from conversations.models import Reading
from conversations.reader import keywords
from conversations.reader.keywords import STOP_WORDS
from conversations.reader.wording import slips

OPT_OUT, ROUTE = Reading.Outcome.OPT_OUT, Reading.Outcome.ROUTE
blanks = st.text(" \t\n\u00a0", max_size=4)
marks = st.text(".!,;:-~*\"'()¡ ", max_size=4)
OUR_TEXTS = (
    "Hi {name}, {company} here. Time for a tune-up? Reply YES to book, STOP to opt out.",
    "{company}: your tune-up is due. Text STOP to end.",
    "Thanks {name}! Reply STOP to unsubscribe",
    "{company}: please stop ignoring your furnace! Txt STOP 2 cancel",
    "Hola {name}, es hora de su revisión. Responda ALTO para no recibir más mensajes.",
    "This is a test from {company}: texts from this number reach your phone. Reply STOP to opt out.",
)
TAPBACKS = (
    "Liked “{}”", "Loved \"{}\"", "Disliked “{}”", "Laughed at “{}”", "Emphasized “{}”", "Questioned “{}”",
    "Removed a heart from “{}”", "👍 to “{}”", "\u200b❤️\u200b to “ {} ”", "Reacted 👎 to \"{}\"",
    "Le gustó “{}”", "Reaccionó con 👍 a “{}”", "Liked “{}",
)  # fmt: skip


@st.composite
def typed(draw: st.DrawFn, word: str) -> str:
    """The word in any mixture of capitals, with blanks and marks around it."""
    cased = "".join(draw(st.sampled_from([char.lower(), char.upper()])) for char in word)
    return draw(blanks) + draw(marks) + cased + draw(marks) + draw(blanks)


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_keyword_is_one_however_it_is_typed(word: str, data: st.DataObject) -> None:
    found = reading.read(data.draw(typed(word)))
    assert (found.label, found.outcome, found.rule, found.keyword) == ("optout", OPT_OUT, "keyword", word)


@given(
    tapback=st.sampled_from(TAPBACKS),
    text=st.sampled_from(OUR_TEXTS),
    name=st.sampled_from(["Pat", "O'Brien", "María José"]),
    company=st.sampled_from(["Acme Heating", "Stop & Drain Plumbing", "Cancel-A-Leak", "“Quality” Air"]),
    length=st.integers(20, 200),
)
@settings(max_examples=300, deadline=None)
def test_our_own_texts_quoted_by_a_tapback_are_no_wish(
    tapback: str, text: str, name: str, company: str, length: int
) -> None:
    """Whole, or cut off as some phones do."""
    ours = text.format(name=name, company=company)
    shown = ours if len(ours) <= length else ours[: length - 1] + "…"
    assert reading.read(tapback.format(shown)).outcome != OPT_OUT


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_read(body: str) -> None:
    found = reading.read(body)
    assert found.label in reading.LABELS
    assert 0 <= found.score <= 1
    assert (found.outcome == OPT_OUT) <= (found.label == "optout")


@pytest.mark.parametrize(
    "body",
    ["Stpo", "sotp", "STIP", "unsubcribe", "Unsuscribe", "cancle", "cancell", "rest et", "revoek", "qiut"],
)
def test_one_slip_in_a_keyword_is_forgiven(body: str) -> None:
    assert (reading.read(body).outcome == OPT_OUT) is (" " not in body)


@pytest.mark.parametrize(
    "word",
    ["soon", "shop", "step", "ends", "quite", "and", "top", "spot", "quiet", "rest", "send", "pasta", "bajo"],
)
def test_a_slip_does_not_reach_ordinary_words(word: str) -> None:
    assert keywords.nearly(word) == ""
    assert reading.read(word).outcome != OPT_OUT


@pytest.mark.parametrize(
    ("one", "other", "away"),
    [("stop", "stop", 0), ("stpo", "stop", 1), ("stp", "stop", 1), ("sttop", "stop", 1), ("slap", "stop", 2)],
)
def test_slips_are_counted(one: str, other: str, away: int) -> None:
    assert slips(one, other) == slips(other, one) == away
