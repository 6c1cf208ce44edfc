"""Which parts of a text are links, and what stands in their place."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import link_finding, link_rules, link_signs
from campaigns.link_finding import find, is_link, shorten, with_parameters
from conversations import rendering


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Book at https://a.example/book.", ["https://a.example/book"]),
        ("Book (https://a.example/book)!", ["https://a.example/book"]),
        ("See https://a.example/Tune_(season), please", ["https://a.example/Tune_(season)"]),
        ("[https://a.example/[1]]", ["https://a.example/[1]"]),
        ("“https://a.example” or ‘https://b.example’", ["https://a.example", "https://b.example"]),
        ("https://a.example/?a=1&b=2… more", ["https://a.example/?a=1&b=2"]),
        ("https://a.example—now", ["https://a.example"]),
        ("Écrivez à https://münchen.example/straße, merci", ["https://münchen.example/straße"]),
        ("見て https://a.example。次", ["https://a.example"]),
        ("https://a.example https://a.example/b\nhttps://c.example", [
            "https://a.example", "https://a.example/b", "https://c.example",
        ]),
        ("https://a.example/?who={{ first_name | upcase }}&x=1.", [
            "https://a.example/?who={{ first_name | upcase }}&x=1",
        ]),
        ("HTTPS://A.example/Q?", ["HTTPS://A.example/Q"]),
        ("http://a.example", ["http://a.example"]),
        ("me@https://a.example and ahttps://b.example", []),
        ("https:// and http://.", []),
        ("www.a.example, a.example/b", []),
        ("{% if city == 'https://no.example' %}https://yes.example{% endif %}", ["https://yes.example"]),
        ("{{ city | default: 'https://no.example' }}", []),
        ("{% raw %}https://no.example{% endraw %}{% comment %}https://no.example{% endcomment %}", []),
    ],
)  # fmt: skip
def test_links_are_found_as_people_mean_them(text: str, links: list[str]) -> None:
    assert [found.url for found in find(text)] == links
    assert all(text[found.start : found.end] == found.url for found in find(text))


def test_equal_links_share_a_field_whatever_text_they_stand_in() -> None:
    short = shorten(
        ("See https://a.example and https://b.example", "Vea https://b.example."), ("https://a.example",)
    )
    assert short.texts == ("See {{ link_1 }} and {{ link_2 }}", "Vea {{ link_2 }}.", "{{ link_1 }}")
    assert short.links == ("https://a.example", "https://b.example")


def test_a_button_is_a_link_or_it_is_left() -> None:
    assert shorten((), ("", "{{ booking }}", "call us")).texts == ("", "{{ booking }}", "call us")
    assert is_link(" https://a.example/{{ city }} ") and not is_link("see https://a.example")


words = st.text(alphabet=string.ascii_letters + " .,;:!?()[]'\"\n-éñü—{}%", max_size=40)
paths = st.text(alphabet=string.ascii_letters + string.digits + "/-_=&?%~", max_size=20).map(
    lambda path: f"/{path}x"
)
urls = st.builds(lambda host, path: f"https://{host}.example{path}", st.sampled_from("abc"), paths)


@given(st.lists(st.tuples(words, urls), max_size=5), words)
def test_filling_the_fields_gives_the_text_back(parts: list[tuple[str, str]], end: str) -> None:
    """Whatever stands around them: with the links themselves as values the text is what it was."""
    text = "Hi "  # an empty text is sent to nobody
    text += "".join(f"{before.replace('{', '').replace('%', '')} {url} " for before, url in parts)
    text += end.replace("{", "").replace("%", "")
    short = shorten((text,))
    assert set(short.links) >= {url for _, url in parts}
    values = {f"link_{number}": url for number, url in enumerate(short.links, start=1)}
    assert rendering.render(short.texts[0], values) == rendering.render(text, {})
    assert find(short.texts[0]) == ()


@given(st.text(max_size=80))
def test_nothing_that_people_type_breaks_it(text: str) -> None:
    for found in find(f"{text} https://a.example {text}"):
        assert link_finding.masked(found.url).lower().startswith(("https://", "http://"))


@pytest.mark.parametrize(
    ("url", "led_to"),
    [
        ("https://a.example", "https://a.example?utm_source=us&utm_medium=sms"),
        ("https://a.example/x?y=1", "https://a.example/x?y=1&utm_source=us&utm_medium=sms"),
        ("https://a.example/x?", "https://a.example/x?utm_source=us&utm_medium=sms"),
        ("https://a.example/x#top", "https://a.example/x?utm_source=us&utm_medium=sms#top"),
        ("https://a.example/?utm_source=me", "https://a.example/?utm_source=me&utm_medium=sms"),
        ("https://a.example/?UTM_Medium=x&utm_source=y#z", "https://a.example/?UTM_Medium=x&utm_source=y#z"),
        ("https://a.example/{{ city | default: '?#' }}",
         "https://a.example/{{ city | default: '?#' }}?utm_source=us&utm_medium=sms"),
    ],
)  # fmt: skip
def test_parameters_are_added_once_and_before_the_fragment(url: str, led_to: str) -> None:
    added = {"utm_source": "us", "utm_medium": "sms", "utm_campaign": ""}
    assert with_parameters(url, added) == led_to
    assert with_parameters(led_to, added) == led_to


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example", "https://user:secret@a.example", "https://@a.example", "https://10.0.0.1/x",
        "https://127.0.0.1", "https://[::1]/", "https://169.254.169.254/latest", "https://localhost/",
        "https://printer.local/", "https://2130706433/", "https://0x7f.1/", "https://bit.ly/abc",
        "https://www.tinyurl.com/x", "https://{{ city }}.example/", "https://a.example{{ city }}/", "https://x/",
        "https://a.example:99999/", f"https://a.example/{'x' * 2000}", "https://-a.example/",
    ],
)  # fmt: skip
def test_destinations_that_nobody_should_be_sent_to_are_refused(url: str) -> None:
    assert link_rules.problem(url)


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example:8443/x?y#z", "https://münchen.example/", "https://8.8.8.8/",
     "https://a.example/{{ city }}?x={{ first_name }}"],
)  # fmt: skip
def test_other_destinations_may_be_named(url: str) -> None:
    assert link_rules.problem(url) == ""


def test_codes_are_eight_signs_and_mean_one_number() -> None:
    drawn = link_signs.draw(500)
    assert len(set(drawn)) == 500 and all(0 <= number < link_signs.SPACE for number in drawn)
    for number in [0, 61, 62, link_signs.SPACE - 1, *drawn]:
        code = link_signs.spell(number)
        assert len(code) == 8 and link_signs.read(code) == number
    for nonsense in ("", "1234567", "123456789", "1234567-", "１２３４５６７８"):
        assert link_signs.read(nonsense) is None
