"""Whose click it was. A machine's never counts as a person's, and a person's counts whatever came before."""

from datetime import datetime, timedelta

import pytest

from campaigns import click_judging
from campaigns.models import Click, LinkCode, TrackedLink
from conversations.models import Message
from tests.campaigns.linking import BOOK, OFFER, accept, click, code_of, launch, make_account

pytestmark = [pytest.mark.django_db]
SECOND = timedelta(seconds=1)


@pytest.fixture
def sent(noon: datetime) -> datetime:
    """Two people got a text with two links, a minute ago."""
    account, _ = make_account(2)
    launch(account)
    accept(noon)
    return noon


def messages() -> list[Message]:
    return list(Message.objects.order_by("pk"))


def judge(at: datetime) -> dict[str, int]:
    """What became of the clicks, by kind and reason."""
    while click_judging.judge(now=at):
        pass
    found = Click.objects.exclude(judged_at=None).values_list("kind", "reason")
    return {f"{kind} {reason}".strip(): list(found).count((kind, reason)) for kind, reason in set(found)}


def counted() -> list[bool]:
    return [message.clicked_at is not None for message in messages()]


def test_a_person_counts_from_the_first_click_on(sent: datetime) -> None:
    first, _ = messages()
    click(code_of(first), sent + 60 * SECOND)
    click(code_of(first), sent + 90 * SECOND)
    assert judge(sent + 92 * SECOND) == {"human": 1}, "the second is too young to be judged"
    assert judge(sent + 100 * SECOND) == {"human": 2}
    assert messages()[0].clicked_at == code_of(first).clicked_at == sent + 60 * SECOND
    assert counted() == [True, False] and code_of(first).machine_at is None
    assert click_judging.judge(now=sent + 200 * SECOND) == 0


def test_a_second_tap_of_the_same_finger_is_known(sent: datetime) -> None:
    code = code_of(messages()[0])
    for after in (60, 63, 90):
        click(code, sent + after * SECOND)
    click(code, sent + 64 * SECOND, client="other")
    judge(sent + 300 * SECOND)
    assert list(Click.objects.order_by("pk").values_list("again", flat=True)) == [False, True, False, False]


def test_what_named_itself_stays_a_machine_and_counts_apart(sent: datetime) -> None:
    code = code_of(messages()[0])
    click(code, sent + 30 * SECOND, kind="preview")
    click(code, sent + 40 * SECOND, kind="machine", reason="user_agent")
    assert judge(sent + 60 * SECOND) == {"preview preview": 1, "machine user_agent": 1}
    assert counted() == [False, False]
    code.refresh_from_db()
    assert (code.clicked_at, code.machine_at) == (None, sent + 30 * SECOND)
    click(code, sent + 600 * SECOND)
    judge(sent + 700 * SECOND)
    code.refresh_from_db()
    assert counted() == [True, False] and code.clicked_at == sent + 600 * SECOND


@pytest.mark.parametrize(
    ("after", "kind"), [(0.2, "machine too_soon"), (1.9, "machine too_soon"), (2.1, "human")]
)
def test_nobody_follows_a_link_within_two_seconds_of_its_sending(
    sent: datetime, after: float, kind: str
) -> None:
    click(code_of(messages()[0]), sent + after * SECOND)
    assert judge(sent + 60 * SECOND) == {kind: 1}


def test_nobody_follows_two_links_of_one_message_within_two_seconds(sent: datetime) -> None:
    first, second = messages()
    click(code_of(first, BOOK), sent + 60 * SECOND)
    click(code_of(first, OFFER), sent + 61.9 * SECOND, client="other")
    click(code_of(second, BOOK), sent + 61 * SECOND)
    click(code_of(second, OFFER), sent + 63.1 * SECOND)
    assert judge(sent + 100 * SECOND) == {"machine many_links": 2, "human": 2}
    assert counted() == [False, True]


def test_both_of_two_links_are_known_even_where_they_are_judged_apart(sent: datetime) -> None:
    """The wait before judging is longer than what is looked at behind a click."""
    first, _ = messages()
    click(code_of(first, BOOK), sent + 60 * SECOND)
    click(code_of(first, OFFER), sent + 61.9 * SECOND)
    assert judge(sent + 64 * SECOND) == {"machine many_links": 1}
    assert judge(sent + 66 * SECOND) == {"machine many_links": 2}


def test_whoever_follows_what_nobody_sees_is_a_machine(sent: datetime) -> None:
    first, second = messages()
    seen = code_of(first)
    trap = TrackedLink.objects.create(
        campaign=seen.link.campaign, node_key="text", position=9, url=BOOK, destination=BOOK, digest="trap",
        trap=True,
    )  # fmt: skip
    trapped = LinkCode.objects.create(id=5, link=trap, step=seen.step, expires_at=seen.expires_at)
    click(trapped, sent + 60 * SECOND)
    click(seen, sent + 70 * SECOND)
    click(seen, sent + 75 * SECOND, client="a person's")
    click(code_of(second), sent + 70 * SECOND)
    assert judge(sent + 100 * SECOND) == {"machine trap": 2, "human": 2}
    assert counted() == [True, True]


def test_judging_is_done_by_one_at_a_time_and_in_batches(sent: datetime) -> None:
    for n in range(5):
        click(code_of(messages()[n % 2]), sent + (60 + 20 * n) * SECOND)
    assert [click_judging.judge(now=sent + 900 * SECOND, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert counted() == [True, True] and click_judging.waiting() == 0
