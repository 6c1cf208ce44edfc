"""Whatever is known of somebody and whatever was written: no text has a hole."""

import re

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from audiences import merge_fields
from audiences.merge_fields import FIELDS
from common.spoken import Form, say
from conversations import rendering, variants

NAMES = list(FIELDS)
WORDS = st.sampled_from(["Hi", "it is time", "See you", "100%", "¿Mañana?", "Reply YES."])
KNOWN = st.sampled_from(["Ann", "12 Elm St", "x", "José", "1250.00", "2026-11-24"])
LOST = st.sampled_from(["", " ", "\t \n", None])


@st.composite
def gaps(draw: st.DrawFn) -> str:
    """A field with or without a fallback, as people write them."""
    name = draw(st.sampled_from(NAMES))
    fallback = draw(st.sampled_from(["", ' | default: "there"', " | default: 'su zona'", ' | default: ""']))
    tail = draw(st.sampled_from(["", " | upcase", ' | date: "day"', " | money"]))
    return f"{{{{ {name}{fallback}{tail if draw(st.booleans()) else ''} }}}}"


@given(
    st.lists(st.one_of(WORDS, gaps()), min_size=1, max_size=8).map(" ".join),
    st.dictionaries(st.sampled_from(NAMES), st.one_of(KNOWN, KNOWN, LOST)),
    st.sampled_from(["en", "es"]),
)
def test_a_rendered_text_never_has_a_hole(body, variables, language):
    """It is filled everywhere, or the person is skipped with words that say why: neither has one."""
    try:
        text = rendering.render(body, variables, language)
    except rendering.MergeFieldMissing as missing:
        text = str(missing)
        event(text.split(":")[0])
    assert "{{" not in text and "}}" not in text and "None" not in text
    assert "  " not in text and text == text.strip()


@given(
    st.lists(st.one_of(WORDS, gaps()), min_size=1, max_size=6).map(" ".join),
    st.sets(st.sampled_from(NAMES)),
)
def test_who_lacks_nothing_that_is_required_is_never_skipped(body, lacking):
    """What counts people before a launch and what fills their texts are of one mind."""
    known = {name: FIELDS[name].example for name in NAMES if name not in lacking}
    try:
        rendering.render(body, known)
        filled = True
    except rendering.MergeFieldMissing:
        filled = False
    if not rendering.problems(body, FIELDS):
        assert filled == (not lacking & set(rendering.required(body)))


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_an_example_that_people_can_read(name):
    field = FIELDS[name]
    for language in ("en", "es"):
        said = rendering.render(f"{{{{ {name} }}}}", {name: field.example}, language)
        assert said and not re.search(r"\d{4}-\d\d|\.00\b|\+1", said)
    assert field.label and field.source


@pytest.mark.parametrize(
    ("value", "form", "english", "spanish"),
    [
        ("2026-11-24", Form.WEEKDAY, "Tuesday, November 24", "martes 24 de noviembre"),
        ("2027-01-02", Form.DAY, "January 2, 2027", "2 de enero de 2027"),
        ("2025-08-31", Form.MONTH, "August 2025", "agosto de 2025"),
        ("00:05", Form.HOUR, "12:05 am", "12:05 a. m."),
        ("14:30", Form.HOUR, "2:30 pm", "2:30 p. m."),
        ("11:30-13:00", Form.SPAN, "11:30 am to 1:00 pm", "11:30 a. m. a 1:00 p. m."),
        ("some time", Form.SPAN, "some time", "some time"),
        ("1250.00", Form.MONEY, "$1,250", "$1,250"),
        ("1250.5", Form.MONEY, "$1,250.50", "$1,250.50"),
        ("-3.05", Form.MONEY, "-$3.05", "-$3.05"),
        ("+13125550142", Form.PHONE, "(312) 555-0142", "(312) 555-0142"),
        ("November 2024", Form.MONTH, "November 2024", "November 2024"),
        ("NaN", Form.MONEY, "NaN", "NaN"),
    ],
)
def test_days_hours_and_amounts_are_said_as_people_say_them(value, form, english, spanish):
    assert (say(value, form, "en"), say(value, form, "es")) == (english, spanish)


def test_a_fallback_stands_where_nothing_is_known_and_names_nobody_as_missing():
    body = 'Hi {{ first_name | default: "there" }}, see you {{ next_appointment_date }}'
    assert rendering.render(body, {"next_appointment_date": "2026-11-24"}) == (
        "Hi there, see you Tuesday, November 24"
    )
    with pytest.raises(rendering.MergeFieldMissing, match=r"^Nothing is known for: next visit’s day$"):
        rendering.render(body, {})
    assert rendering.required(body) == ("next_appointment_date",)


def test_a_day_can_be_said_another_way():
    body = '{{ next_appointment_date | date: "day" }}: {{ balance | money }}'
    known = {"next_appointment_date": "2026-11-24", "balance": "12.30"}
    assert rendering.render(body, known, "es") == "24 de noviembre de 2026: $12.30"


def test_texts_with_fallbacks_and_days_are_plain_too():
    assert rendering._plain('Hi {{ first_name | default: "there" }}, {{ next_appointment_date }}')
    assert rendering._plain('Hi {{ first_name | default: "" }}') is None


def test_a_variant_is_whole_or_not_there():
    spanish = '{"es": {"subject": "Hola", "body": "Hola {{ first_name }}"}}'
    assert variants.of("Hi", "Hi you", spanish, "es")[:3] == ("es", "Hola", "Hola {{ first_name }}")
    without_subject = '{"es": {"body": "x"}}'
    for language, content in [("en", spanish), ("fr", spanish), ("es", None), ("es", without_subject)]:
        assert variants.of("Hi", "Hi you", content, language)[:3] == ("en", "Hi", "Hi you")


def test_groups_hold_every_field_once():
    assert [field.name for _, fields in merge_fields.grouped() for field in fields] == NAMES
