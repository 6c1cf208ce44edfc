"""Lanes share what a number may send, accounts share a sender, and a lane keeps to its texts an hour."""

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from django.db.models import F

from accounts.models import Account
from common import clock
from common.turns import Turns
from conversations import claiming, leasing
from conversations.models import Lane, Message
from integrations.models import NumberPace, SendingNumber
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
_phones = count(20_000)


def queued(account: Account, number: SendingNumber, texts: int, **lane: object) -> Lane:
    """A campaign's lane with so many texts that may leave now, each to somebody else."""
    made = factories.make_campaign_lane(account)
    for name, value in lane.items():
        setattr(made, name, value)
    made.save()
    contacts = factories.make_contacts(account, [factories.reserved(next(_phones)) for _ in range(texts)])
    Message.objects.bulk_create(
        Message(
            account=account,
            lane=made,
            contact=contact,
            address=factories.phone_of(contact),
            number=number,
            kind=Message.Kind.CAMPAIGN,
            body="Hi",
            state=Message.State.QUEUED,
            due_at=clock.now(),
        )
        for contact in contacts
    )
    return made


def leased(room: int = 100, turns: Turns | None = None) -> Counter[int]:
    """Texts by lane of one lease."""
    ids = leasing.lease(room, now=clock.now(), turns=turns)
    return Counter(Message.objects.filter(pk__in=ids).values_list("lane_id", flat=True))


def rest(seconds: float, lane: Lane | None = None) -> None:
    """As if so much time had passed for the paces of numbers, or of one lane."""
    if lane is None:
        NumberPace.objects.update(tat=F("tat") - timedelta(seconds=seconds))
    else:
        Lane.objects.filter(pk=lane.pk).update(tat=F("tat") - timedelta(seconds=seconds))


def test_lanes_of_one_number_share_it_however_long_their_queues() -> None:
    account = factories.make_account()
    number = factories.make_number(account, segments_per_second=20)
    long, short = queued(account, number, 40), queued(account, number, 5)
    assert leased() == {long.pk: 5, short.pk: 5}, "half of what half a second allows"


def test_lanes_of_a_slow_number_follow_one_another() -> None:
    account = factories.make_account()
    number = factories.make_number(account, segments_per_second=1)
    lanes = [queued(account, number, texts) for texts in (12, 3, 3)]
    turns, found = Turns(), Counter[int]()
    for _ in range(9):
        found += leased(turns=turns)
        rest(1)
    assert found == {lane.pk: 3 for lane in lanes}


def test_what_a_lane_does_not_need_is_left_to_the_others() -> None:
    account = factories.make_account()
    number = factories.make_number(account, segments_per_second=20)
    long, short = queued(account, number, 40), queued(account, number, 2)
    turns, found = Turns(), Counter[int]()
    for _ in range(4):
        found += leased(turns=turns)
        rest(0.5)
    assert found[short.pk] == 2
    assert found[long.pk] >= 30, "no more of the number's rate is lost than while both had texts"


def test_accounts_share_a_sender_however_many_their_lanes() -> None:
    crowd, single = factories.make_account(), factories.make_account()
    theirs = factories.make_number(crowd, "+13125550191")
    for _ in range(4):
        queued(crowd, theirs, 4)
    alone = queued(single, factories.make_number(single, "+13125550192"), 10)
    assert leased(room=12)[alone.pk] == 6


def test_agents_share_with_no_campaign() -> None:
    account = factories.make_account()
    number = factories.make_number(account, segments_per_second=20)
    queued(account, number, 30)
    agents = queued(account, number, 12, priority=0, kind=Lane.Kind.AGENTS)
    assert leased() == {agents.pk: 10}, "all that the number may send"


@pytest.mark.parametrize(
    ("hourly", "every", "looks", "most", "least"),
    [(60, 61.0, 59, 59, 59), (3600, 0.25, 160, 40, 30), (600, 3.0, 40, 20, 18)],
)
def test_texts_leave_one_by_one_and_never_more_than_the_hour_allows(
    hourly: int, every: float, looks: int, most: int, least: int
) -> None:
    account = factories.make_account()
    lane = queued(account, factories.make_number(account), most + 5, texts_per_hour=hourly)
    each = []
    for _ in range(looks):
        each.append(leased()[lane.pk])
        rest(every, lane)
    assert max(each) == 1, "never two at once"
    assert least <= sum(each) <= most


def test_the_pace_outlives_whoever_leased() -> None:
    account = factories.make_account()
    lane = queued(account, factories.make_number(account), 3, texts_per_hour=60)
    assert leased() == {lane.pk: 1}
    Message.objects.update(leased_until=None)  # its sender died, and the lease ran out
    assert leased() == {}
    rest(61, lane)
    assert leased() == {lane.pk: 1}


def test_a_text_that_does_not_leave_makes_room_for_another() -> None:
    account = factories.make_account()
    lane = queued(account, factories.make_number(account), 2, texts_per_hour=60)
    Message.objects.update(send_by=clock.now())
    ids = leasing.lease(9, now=clock.now())
    assert len(ids) == 1 and claiming.claim(ids, now=clock.now()) == []
    Message.objects.filter(state="queued").update(send_by=None)
    ids = leasing.lease(9, now=clock.now())
    assert len(claiming.claim(ids, now=clock.now())) == 1, "the first was too late"
    lane.refresh_from_db()
    assert lane.tat is not None and leased() == {}


def test_a_faster_pace_counts_at_once_and_a_slower_one_from_now_on() -> None:
    account = factories.make_account()
    lane = queued(account, factories.make_number(account), 9, texts_per_hour=1)
    assert leased() == {lane.pk: 1}
    leasing.set_pace(lane.pk, 60)
    rest(61, lane)
    assert leased() == {lane.pk: 1}, "not after an hour"
    leasing.set_pace(lane.pk, 1)
    rest(1800, lane)
    assert leased() == {lane.pk: 1}, "the former minute counts for the next text"
    rest(1800, lane)
    assert leased() == {}
    leasing.set_pace(lane.pk, None)
    assert leased() == {lane.pk: 6}
