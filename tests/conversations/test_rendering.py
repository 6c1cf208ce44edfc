"""Filling texts: what is missing is said, and nothing that people write there can keep a sender busy."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations import rendering

PAT = {"first_name": "Pat", "city": "", "company": None}


def test_a_text_is_filled():
    assert rendering.render("Hi {{ first_name | upcase }}!", PAT) == "Hi PAT!"
    assert rendering.render("Hi {{ first_name }}", {"first_name": "{{ city }}"}) == "Hi {{ city }}"


PIECES = [
    "Hi ",
    "100%",
    "%s",
    "}",
    "\n",
    "é",
    "{{ a }}",
    "{{b}}",
    "{{- a -}}",
    "{{ empty }}",
    "{{ a | upcase }}",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.fixed_dictionaries({}, optional={"a": st.sampled_from(["x%s", "", 7, None]), "b": st.just("{{ a }}")}),
)
def test_plain_texts_are_filled_as_the_library_fills_them(body, variables):
    known = {name: value for name, value in variables.items() if value not in (None, "")}
    try:
        wanted = rendering._parsed(body).render(**known)
        assert wanted.strip()  # nobody gets an empty text
    except Exception:
        with pytest.raises(rendering.MergeFieldMissing):
            rendering.render(body, variables)
    else:
        assert rendering.render(body, variables) == wanted


def test_most_texts_are_plain():
    words = "{{ first_name }}, 20% off. {{ company }}"
    assert rendering._plain(words) == ("%s, 20%% off. %s", ("first_name", "company"), ())
    assert rendering._plain(words + "{% if city %}!{% endif %}") is None


@pytest.mark.parametrize("field", ["city", "company", "nickname"])
def test_an_empty_or_unknown_field_is_missing(field):
    with pytest.raises(rendering.MergeFieldMissing):
        rendering.render(f"Hi {{{{ {field} }}}}", PAT)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Hi {{ nickname }}", "There is no merge field “nickname”."),
        ("Hi {{ first_name", "The text cannot be read: expected '}}'"),
        ("{% include 'secrets' %}", "The text cannot be read"),
        ("{% render 'secrets' %}", "The text cannot be read"),
        ("Hi {{ first_name | shout }}", "The text cannot be filled: unknown filter 'shout'"),
        ("Hi {{ first_name.last }}", "The text cannot be filled: first_name.last is undefined"),
        ("{% for i in (1..9) %}x{% endfor %}", "The text cannot be read: a text cannot hold a range"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_before_it_is_published(body, words):
    (problem,) = rendering.problems(body, {"first_name"})
    assert problem.startswith(words)


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in (1..1000000000000) %}{% endfor %}",
        "{% if (1..1000000000000) contains 'x' %}x{% endif %}",
        "{{ (1..1000000000000) | join: 'x' }}",
        "{% assign a = 'xx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
        "{{ 'x'" + " | replace: 'x', 'xxxxxxxxxxxxxxxx'" * 40 + " }}",
        "{% assign a = 'x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x' | split: ',' %}"
        "{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}{% endfor %}{% endfor %}",
        "{% assign a = 'x,x' | split: ',' %}" + "{% assign a = a | concat: a %}" * 60,
    ],
    ids=["loop", "search", "join", "doubling", "filters", "nested", "lists"],
)
def test_a_hostile_text_is_refused_at_once(body):
    began = time.monotonic()
    assert rendering.problems(body, set())
    with pytest.raises(rendering.MergeFieldMissing):
        rendering.render(body, PAT)
    assert time.monotonic() - began < 2


def test_dots_outside_of_a_tag_are_no_range():
    body = "Hi {{ first_name }}... (1..9) see you {{ first_name }}"
    assert rendering.render(body, PAT) == "Hi Pat... (1..9) see you Pat"
    assert rendering.problems(body, {"first_name"}) == []
