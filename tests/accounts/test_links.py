"""`{% url %}` says what Django's own says."""

import pytest
from django.template import Context, engines
from django.template.defaulttags import URLNode
from django.urls import NoReverseMatch, reverse

from accounts.templatetags.links import QuickURLNode


def told(source: str, **values: object) -> str:
    """What a template of ours says with these values."""
    return str(engines["django"].from_string(source).render(values))


def test_pages_use_it() -> None:
    nodes = engines["django"].from_string("{% url 'audiences:contact' pk %}").template.nodelist
    assert [type(node) for node in nodes] == [QuickURLNode]


@pytest.mark.parametrize("pk", [0, 7, 123_456_789_012, 7_000_000_000_001])
def test_an_address_with_a_key(pk: int) -> None:
    for _ in range(2):
        assert told("{% url 'audiences:contact' pk %}", pk=pk) == reverse("audiences:contact", args=[pk])


def test_an_address_with_two_keys_without_any_and_with_words() -> None:
    assert told("{% url 'analytics:campaign_record' a b %}", a=5, b=6) == reverse(
        "analytics:campaign_record", args=[5, 6]
    )
    assert told("{% url 'analytics:dashboard' %}") == "/"
    tile = told("{% url 'analytics:tile_rows' tile %}", tile="waiting_calls")
    assert tile == reverse("analytics:tile_rows", args=["waiting_calls"])
    assert told("{% url 'audiences:contact' pk as there %}[{{ there }}]", pk=3) == "[/contacts/3/]"


@pytest.mark.parametrize(
    "source", ["{% url 'audiences:contact' %}", "{% url 'audiences:contact' pk %}", "{% url 'nowhere' 3 %}"]
)
def test_what_is_no_address_is_refused_as_ever(source: str) -> None:
    with pytest.raises(NoReverseMatch) as ours:
        told(source, pk=-1)
    (node,) = engines["django"].from_string(source).template.nodelist
    with pytest.raises(NoReverseMatch) as theirs:
        URLNode.render(node, Context({"pk": -1}))
    assert str(ours.value) == str(theirs.value)
