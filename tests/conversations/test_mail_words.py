"""What somebody wrote themselves in an email, and the words of one that is a page."""

import pytest

from common import html_words
from conversations import mail_words


@pytest.mark.parametrize(
    ("whole", "own"),
    [
        ("Yes\n\nOn Mon, Nov 23, Comfort Air <a@b.c> wrote:\n> Hi\n> there", "Yes"),
        (
            "Yes\n\nOn Mon, Nov 23, 2026 at 10:04 AM, Comfort Air\n<office@comfort.example> wrote:\n\n> Hi",
            "Yes",
        ),
        (
            "On Mon, Nov 23, A wrote:\n> Tuesday?\n\nBetter Friday\n\n> Or call\n\nCall me",
            "Better Friday\n\nCall me",
        ),
        ("Sí\n\nEl lun, 23 nov 2026, Comfort escribió:\n> Hola", "Sí"),
        ("Fine\n\nFrom: A <a@b.c>\nSent: Monday\nTo: B\nSubject: Hi\n\nReply STOP", "Fine"),
        ("Fine\n\n-----Original Message-----\nReply STOP", "Fine"),
        ("Fine\n-- \nPat Miller\nCEO, Stop Signs Inc.", "Fine"),
        ("Fine\n\nSent from my iPhone\n\nOn Mon, Nov 2, A wrote:\n\nHello there", "Fine"),
        ("Fine\n________________________________\nFrom: A\nReply STOP", "Fine"),
        ("> Reply STOP", ""),
        ("From: the bottom of my heart, thanks", "From: the bottom of my heart, thanks"),
        ("On Tuesday I wrote:\nnothing", ""),
        ("Stop", "Stop"),
    ],
)
def test_quoted_and_added_words_are_not_the_writers(whole: str, own: str) -> None:
    assert mail_words.own(whole) == own
    assert mail_words.own(whole.replace("\n", "\r\n")) == own


@pytest.mark.parametrize("piece", ["<a ", '<a "', "<!", "<!--", "<script>", " ", "&#9", "> ", "On 1 wrote: "])
def test_no_email_keeps_the_process_busy(piece: str) -> None:
    """Broken on purpose: quadratic reading takes minutes for the least of these."""
    hostile = html_words.plain(piece * 100_000) + piece * 30_000
    assert len(mail_words.own(hostile)) <= len(hostile)


def test_pages_become_words_and_nothing_else() -> None:
    page = "<p>One<p>Two &amp; three<ul><li>a<li>b</ul><noscript>x</noscript><!-- no --><a href='u'>link</a>"
    assert html_words.plain(page) == "One\n\nTwo & three\na\nb\nlink"
    assert html_words.plain("<table><tr><td>Friday<td>9 am</tr><tr><td>Yes</td></tr></table>") == (
        "Friday 9 am\nYes"
    )
    assert html_words.plain("<<<>>><b") and html_words.plain("") == ""
    broken = (
        "<p title='a>b'>One</p><img alt=Two> 5 < 6 <b c=\"three>four</b><style>p{}</style>five &#99999999;"
    )
    assert html_words.plain(broken) == "One\n\nTwo 5 < 6 fourfive \ufffd"
    assert html_words.plain("&#" + "9" * 5000) == "\ufffd"
