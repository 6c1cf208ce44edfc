"""The five designs: what each person reads is in both parts, nobody's values become more than words, and
every mail program can show them."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from conversations.emails import colours, shells
from conversations.emails.identity import Identity
from conversations.emails.words import DESIGNS, Words, of
from conversations.rendering import MergeFieldMissing

GMAIL_CUTS_AT = 102_000
OURS = 20_000
LINK = "https://mail.example/u/AbC/"
IDENTITY = Identity(
    "Lakeside Heating & Air", "12 Elm Street\nSpringfield, IL 62701", "#0a7d5a", "+13125550142"
)
WORDS = Words(
    subject="{{ first_name }}, your furnace",
    body="Hi {{ first_name }},\n\nread https://lakeside.example/tips?a=1&b=2.\n\n- filter\n- burner",
    heading="Before it gets cold, {{ first_name }}",
    preheader="Ten minutes now",
    button_label="Choose a day",
    button_url="https://lakeside.example/book?for={{ first_name }}",
)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Checked(HTMLParser):
    """Whether tags are closed in order, and what a mail program would see."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.words.append(data)

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.tags if tag == "a"]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def made(design: str = "letter", language: str = "en", words: Words = WORDS, **values: Any) -> shells.Whole:
    shell = shells.shell(design, language, IDENTITY)
    return shells.whole(
        shell, shells.fill(shell, words, {"first_name": "Ann", **values}, unsubscribe_url=LINK)
    )


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_holds_all_words_in_both_parts(design: str, language: str) -> None:
    email = made(design, language)
    page = Checked(email.html)
    assert email.subject == "Ann, your furnace"
    for words in ("Before it gets cold, Ann", "Hi Ann,", "filter", "Choose a day", "12 Elm Street",
                  "Springfield, IL 62701", "Lakeside Heating & Air", "(312) 555-0142"):  # fmt: skip
        assert words in page.text and words in email.text, words
    assert page.text.startswith("Ten minutes now")
    assert {LINK, "https://lakeside.example/tips?a=1&b=2", "tel:+13125550142"} <= set(page.links)
    for url in ("https://lakeside.example/book?for=Ann", LINK):
        assert url in page.links and url in email.text
    assert "-tr-" not in email.html + email.text
    assert email.size < OURS < GMAIL_CUTS_AT


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_is_what_mail_programs_can_show(design: str) -> None:
    email = made(design)
    tags = Checked(email.html).tags
    names = {tag for tag, _ in tags}
    assert not names & {"script", "form", "input", "iframe", "video", "svg", "link", "img"}
    html = dict(tags)["html"]
    assert html["lang"] == "en"
    metas = {attrs.get("name"): attrs.get("content") for tag, attrs in tags if tag == "meta"}
    assert metas["color-scheme"] == "light dark" and "width=device-width" in (metas["viewport"] or "")
    assert "prefers-color-scheme:dark" in email.html and "max-width:620px" in email.html
    assert all(attrs.get("role") in ("presentation", "list") for tag, attrs in tags if tag == "table")
    assert sum(tag == "h1" for tag, _ in tags) == 1
    assert "url(" not in email.html and "http://" not in re.sub(r'xmlns\S*="[^"]*"', "", email.html)


def test_what_is_not_said_leaves_nothing_behind() -> None:
    for design in DESIGNS:
        email = made(design, words=Words("Hi", "Only this."))
        page = Checked(email.html)
        assert "h1" not in {tag for tag, _ in page.tags}
        assert "Only this." in email.text and not any("book" in link for link in page.links)


HOSTILE = [
    "<script>alert(1)</script>", "<b>Ann</b>", "-tr-unsubscribe_url-", "-tr-body_html-", "--tr-subject-",
    "Ann\r\nBcc: everybody@example.org", "Ann\x00\x08", '" onmouseover="alert(1)', "{{ company }}",
    "<%asm_global_unsubscribe_raw_url%>", "http://evil.example/ javascript:alert(1)", "- - -", "%s %(a)s \\1",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("design", DESIGNS)
def test_a_value_is_never_more_than_words(design: str, value: str) -> None:
    email, plain = made(design, first_name=value), made(design)
    seen, expected = Checked(email.html), Checked(plain.html)
    assert [tag for tag, _ in seen.tags if tag not in ("br", "p")] == [
        tag for tag, _ in expected.tags if tag not in ("br", "p")
    ]
    assert len(seen.links) == len(expected.links)
    assert not any("evil" in link and not link.startswith("https://lakeside.example/") for link in seen.links)
    assert not any(name.startswith("on") for _, attrs in seen.tags for name in attrs)
    assert "\n" not in email.subject and "\r" not in email.html + email.text + email.subject
    assert "\x00" not in email.html + email.text
    assert "<%" not in email.text


@pytest.mark.parametrize("value", HOSTILE)
def test_filling_slot_by_slot_as_a_provider_does_gives_the_same(value: str) -> None:
    """In any order, and as often as it likes: no value holds what another slot is called."""
    shell = shells.shell("tune_up", "en", Identity(f"We {value}", value.strip("\x00\x08")))
    slots = shells.fill(shell, WORDS, {"first_name": value}, unsubscribe_url=LINK)
    for order in (1, -1):
        html, text = shell.html, shell.text
        for _ in range(2):
            for name, filled in list(shells.substitutions(slots).items())[::order]:
                html, text = html.replace(name, filled), text.replace(name, filled)
        whole = shells.whole(shell, slots)
        assert (html, text) == (whole.html, whole.text)
        assert shells.plain(shell, slots) == text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://lakeside.example/", "data:text/html,x", "https://", "//evil.example",
     "https://a b.example", "https://ann@evil.example/", "", "https:///x", "ftp://x.example", "https://[::"],
)  # fmt: skip
def test_a_button_that_would_lead_nowhere_sends_nothing(url: str) -> None:
    assert not shells.is_address(url)
    with pytest.raises(MergeFieldMissing):
        made(words=Words("Hi", "Hi", button_label="Go", button_url="{{ link_1 }}"), link_1=url)


def test_a_short_link_of_ours_is_a_button_and_a_link_in_the_words(settings) -> None:
    url = f"{settings.PUBLIC_URL}/l/Xy12Ab"
    words = Words("Hi", "See {{ link_1 }}.", button_label="Go", button_url="{{ link_1 }}")
    email = made(words=words, link_1=url)
    assert Checked(email.html).links.count(url) == 2
    assert f"See {url}." in email.text and f"Go: {url}" in email.text


def test_values_in_a_buttons_address_are_quoted() -> None:
    words = Words("Hi", "Hi", button_label="Go", button_url="https://a.example/?n={{ first_name }}&m=1")
    page = Checked(made(words=words, first_name="O’Hara & Söhne/#?").html)
    assert "https://a.example/?n=O%E2%80%99Hara%20%26%20S%C3%B6hne%2F%23%3F&m=1" in page.links


def test_no_value_chooses_the_host_of_a_link_in_the_words() -> None:
    words = Words("Hi", "See https://good.example{{ tail }} and https://good.example/{{ tail }} now")
    links = Checked(made(words=words, tail=".evil.example").html).links
    assert "https://good.example/.evil.example" in links
    assert not any(link.startswith("https://good.example.evil") for link in links)


def test_a_missing_field_sends_nothing() -> None:
    shell = shells.shell("letter", "en", IDENTITY)
    for words in (Words("Hi", "Hi {{ gone }}"), Words("Hi", "Hi", heading="{{ gone }}"),
                  Words("Hi", "Hi", preheader="{{ gone }}"),
                  Words("Hi", "Hi", button_label="{{ gone }}", button_url="https://a.example/")):  # fmt: skip
        with pytest.raises(MergeFieldMissing):
            shells.fill(shell, words, {"first_name": "Ann"}, unsubscribe_url=LINK)


def test_the_way_out_is_said_in_the_readers_language() -> None:
    shell = shells.shell("letter", "en", IDENTITY, "es")
    assert "Para no recibir más correos" in shell.text and 'lang="es"' in shell.html
    assert '<html lang="en"' in shell.html


@pytest.mark.parametrize(
    "colour", ["#000000", "#ffffff", "#ffee00", "#0a7d5a", "#777777", "#ff5a00", "#1f5f8b"]
)
def test_any_brands_colour_makes_readable_words(colour: str) -> None:
    identity = Identity("We", "Here", colour)
    assert colours.contrast(identity.on_colour, colour) >= colours.AA
    for design in DESIGNS:
        shell = shells.shell(design, "en", identity)
        link = re.search(r"#[0-9a-f]{6}", shell.link)
        assert link and colours.contrast(link[0], "#ffffff") >= colours.AA
        dark = re.search(r"\.link,\.accent\{color:(#[0-9a-f]{6})", shell.html)
        assert dark and colours.contrast(dark[1], shells.DARK_GROUND) >= colours.AA


def test_contrast_is_measured_as_wcag_does() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_a_template_speaks_spanish_whole_or_not_at_all() -> None:
    content = {
        "design": "estimate", "heading": "Hello", "button": {"label": "Go", "url": "https://a.example/"},
        "es": {"subject": "Hola", "body": "Buenas", "button_label": "Ir"},
    }  # fmt: skip
    assert of("Hi", "Hey", content, "es") == Words(
        "Hola", "Buenas", button_label="Ir", button_url="https://a.example/", design="estimate"
    )
    assert of("Hi", "Hey", content, "en").heading == "Hello"
    assert of("Hi", "Hey", {"es": {"body": "Buenas"}}, "es").subject == "Hi"
    assert of("Hi", "Hey", {"design": "gone"}).design == "letter"


def test_one_persons_slots_fit_into_a_request() -> None:
    shell = shells.shell("tune_up", "en", IDENTITY)
    slots = shells.fill(shell, WORDS, {"first_name": "Ann"}, unsubscribe_url=LINK)
    assert shells.size(slots) < shells.LARGEST_SLOTS / 3
    assert shells.size(slots) == sum(
        len(name.encode()) + len(value.encode()) for name, value in shells.substitutions(slots).items()
    )
