"""What is made once for many says to each the same as what is put together for each alone."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversations.emails import shells
from conversations.emails.form_letters import form_letter
from conversations.emails.identity import Identity
from conversations.emails.words import DESIGNS, Words
from conversations.rendering import MergeFieldMissing

IDENTITY = Identity("Lakeside Heating & Air 100 %s", "12 Elm Street\nSpringfield, IL 62701", "#0a7d5a")
LINK, UNTOLD = "https://mail.example/u/AbC/", "https://mail.example/u/…"
PLAIN = Words(
    "{{ first_name }}, 20 % off", "Hi {{ first_name }},\n\nyour {{city}} office & we <3 you.\n\n- a\n- b"
)
PARTS = Words(
    subject='{{ first_name | default: "Neighbor" }}:  -{{ city }}-',
    body='{{ first_name | default: "Neighbor" }} owes {{ balance }} since {{ last_job_date }}\r\n'
    "http://shop.example/a?b=1, {{ link_1 }}.\n\n\n-{{ city }}- {{ link_2 }}&more {{city}}",
    heading="Dear  {{ first_name | default: 'Neighbor' }}",
    preheader="{{ city }} & all",
    button_label="Go, {{ first_name | default: 'Neighbor' }}",
    button_url="{{ link_1 }}",
    design="tune_up",
)
FIXED = Words(
    "Hi", "Only this.", heading="All", button_label="Go", button_url="https://lakeside.example/book"
)
VALUES = {
    "first_name": "Ann", "city": "Joliet", "balance": "184.50", "last_job_date": "2026-11-02",
    "link_1": "https://go.example/l/Ab-1_", "link_2": "https://go.example:8443/l/x/",
}  # fmt: skip


def alone(shell: shells.Shell, words: Words, variables: dict[str, Any]) -> tuple[str, ...] | None:
    """One person's subject, parts and kept text, put together for nobody else."""
    try:
        slots = shells.fill(shell, words, variables, unsubscribe_url=LINK)
    except MergeFieldMissing:
        return None
    return (*shells.whole(shell, slots), shells.plain(shell, slots | {"unsubscribe_url": UNTOLD}))


def of_many(shell: shells.Shell, words: Words, variables: dict[str, Any]) -> tuple[str, ...] | None:
    """The same, filled into the form letter; None where it leaves that to the other."""
    form = form_letter(shell, words, trapped=bool(variables.get(shells.TRAP)))
    filled = form.fill(variables, unsubscribe_url=LINK, untold_url=UNTOLD) if form is not None else None
    if filled is None:
        return None
    whole = shells.whole(filled.shell, filled.slots)
    for order in (1, -1):  # as a provider may: slot by slot
        html, text = filled.shell.html, filled.shell.text
        for name, value in list(shells.substitutions(filled.slots).items())[::order]:
            html, text = html.replace(name, value), text.replace(name, value)
        assert (html, text) == (whole.html, whole.text)
    return (*shells.whole(filled.shell, filled.slots), filled.text)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("words", [PLAIN, PARTS, FIXED], ids=["plain", "parts", "fixed"])
def test_every_design_says_the_same_to_many_as_to_one(words: Words, design: str, language: str) -> None:
    shell = shells.shell(design, language, IDENTITY)
    for values in (
        VALUES,
        VALUES | {"first_name": "José O’Neil-D'Arc (Jr.)", "city": "St. Paul & Co #2"},
        VALUES | {shells.TRAP: "https://go.example/l/trap&1"},
    ):
        expected = alone(shell, words, values)
        assert expected is not None and "-tr-" not in "".join(expected)
        assert of_many(shell, words, values) == expected


def test_a_missing_value_says_its_fallback() -> None:
    shell = shells.shell("letter", "en", IDENTITY)
    for nothing in (None, ""):
        made = of_many(shell, PARTS, VALUES | {"first_name": nothing})
        assert made is not None and made[0].startswith("Neighbor: -")
        assert made == alone(shell, PARTS, VALUES | {"first_name": nothing})
    assert of_many(shell, PLAIN, VALUES | {"city": None}) is None, "a hole is found by who fills for one"


def test_a_request_says_the_words_once_and_of_each_person_the_values() -> None:
    shell = shells.shell("letter", "en", IDENTITY)
    form = form_letter(shell, PLAIN, trapped=False)
    filled = form and form.fill(VALUES | {"first_name": "D'Arc"}, unsubscribe_url=LINK, untold_url=UNTOLD)
    assert filled and "office &amp; we &lt;3 you" in filled.shell.html
    assert sorted(filled.slots.values()) == [
        "D&#x27;Arc",
        "D'Arc",
        "D'Arc, 20 % off",
        "Joliet",
        "Joliet",
        LINK,
    ]
    left = re.findall("-tr-([a-z_]+)-", filled.shell.html + filled.shell.text)
    assert {*left, shells.SUBJECT} == set(filled.slots)


@pytest.mark.parametrize(
    "body",
    ["{{ first_name | upcase }}", "{% if city %}Hi{% endif %}", "Hi \ue001", "Hi {{ first_name",
     "https://shop.example/?for={{ first_name }}", "-tr{{ city }}", "{{ city }}tr-text_a-"],
)  # fmt: skip
def test_words_with_more_than_fields_are_put_together_for_each(body: str) -> None:
    assert form_letter(shells.shell("letter", "en", IDENTITY), Words("Hi", body), trapped=False) is None


HOSTILE = [
    "<script>alert(1)</script>", "-tr-unsubscribe_url-", "tr", "t", "- list", "a  b", " Ann", "Ann ", "A\nB",
    "Ann\x00", "%s", "<%x%>", "http://evil.example/", "//evil.example", "\ue000", "x" * 300, "{{ city }}",
    "&amp;", "https://go.example/l/a b", "\u2028", "-", ".", "$5", "(", "Ann\u00a0B",
]  # fmt: skip
odd = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.text("-tr <%&'a.:/\n", max_size=8))


@given(
    first=odd, city=odd, link=st.one_of(st.just(VALUES["link_1"]), odd), words=st.sampled_from([PLAIN, PARTS])
)
@example(first="r", city="tr", link="https://go.example/l/-tr-/", words=PARTS)
@example(first="x" * 199, city="y" * 199, link=VALUES["link_1"], words=PARTS)
def test_no_value_is_said_otherwise_to_many(first: str, city: str, link: str, words: Words) -> None:
    shell = shells.shell("letter", "en", IDENTITY)
    values = VALUES | {"first_name": first, "city": city, "link_1": link}
    made = of_many(shell, words, values)
    assert made is None or made == alone(shell, words, values)
