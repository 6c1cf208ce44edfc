"""The daily cap of a brand: held at the lease, whoever sends, and only of what the provider took."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.db import connection

from campaigns import engine
from common import clock
from conversations import claiming, delivery, leasing
from conversations.models import Message
from integrations import carrier_limits, number_days
from integrations.messaging import ProviderError
from integrations.models import NumberDay, SendingNumber
from tests import factories
from tests.conversations.conftest import Company

SHORT = [("first", "send_sms", {"body": "Reply STOP to opt out"}), ("done", "end", {})]
LONG = [("first", "send_sms", {"body": "Reply STOP to opt out " + "x" * 150}), ("done", "end", {})]
EDGES = [("first", "next", "done")]


def cap(company: Company, segments: int | None, **fields: object) -> None:
    SendingNumber.objects.filter(pk=company.number.pk).update(daily_cap=segments, **fields)


def used(number: SendingNumber) -> int:
    return sum(NumberDay.objects.filter(number=number).values_list("segments", flat=True))


def take(at: datetime | None = None) -> int:
    at = at or clock.now()
    return len(claiming.claim(leasing.lease(500, now=at), now=at))


def test_no_more_than_the_cap_leaves_in_a_day(company: Company, noon: datetime) -> None:
    cap(company, 7)
    company.launch(20, SHORT, EDGES)
    company.run()
    assert len(company.sandbox.ledger("message")) == 7
    assert used(company.number) == 7
    assert Message.objects.filter(state="queued").count() == 13
    assert take(noon + timedelta(hours=3)) == 0
    assert take(noon + timedelta(days=1)) == 7, "a new day of the carrier"


def test_the_day_begins_at_midnight_pacific() -> None:
    before, after = datetime(2026, 7, 2, 6, 59, tzinfo=UTC), datetime(2026, 7, 2, 7, tzinfo=UTC)
    assert carrier_limits.carrier_day(before) < carrier_limits.carrier_day(after)
    assert carrier_limits.day_ends(before) == after
    winter = datetime(2026, 12, 2, 8, tzinfo=UTC)
    assert carrier_limits.carrier_day(winter - timedelta(seconds=1)) < carrier_limits.carrier_day(winter)


def test_segments_count_and_none_is_split(company: Company) -> None:
    cap(company, 5)
    company.launch(4, LONG, EDGES)
    engine.run_round(now=clock.now())
    assert take() == 2, "two of two segments each; the third does not fit"
    assert used(company.number) == 4


def test_numbers_of_one_brand_share_it(company: Company) -> None:
    """The second number has no cap of its own; a third, of no brand, goes on."""
    cap(company, 5, brand_id="BN1")
    made = [
        factories.make_number(company.account, "+13125550177", brand_id="BN1"),
        factories.make_number(company.account, "+13125550178"),
    ]
    company.launch(12, SHORT, EDGES)
    engine.run_round(now=clock.now())
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids[4:8]).update(number=made[0])
    Message.objects.filter(pk__in=ids[8:]).update(number=made[1])
    assert take() == 9
    assert used(company.number) + used(made[0]) == 5
    assert used(made[1]) == 4


def test_a_paused_number_still_says_what_its_brand_may(company: Company) -> None:
    """The cap stands at a number that is paused; the brand's other number keeps to it all the same."""
    cap(company, None, brand_id="BN1")
    factories.make_number(company.account, "+13125550177", brand_id="BN1", daily_cap=3, active=False)
    company.launch(6, SHORT, EDGES)
    engine.run_round(now=clock.now())
    assert take() == 3


def test_senders_at_once_keep_it(company: Company) -> None:
    cap(company, 30)
    company.launch(80, SHORT, EDGES)
    engine.run_round(now=clock.now())

    def send(_: int) -> int:
        try:
            now = clock.now()
            return sum(len(claiming.claim(leasing.lease(5, now=now), now=now)) for _ in range(6))
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(send, range(10))) == 30
    assert used(company.number) == 30


def test_what_is_not_called_is_given_back(company: Company) -> None:
    cap(company, 4)
    company.launch(4, SHORT, EDGES)
    engine.run_round(now=clock.now())
    leased = leasing.lease(4, now=clock.now())
    assert used(company.number) == 4
    Message.objects.filter(pk=leased[0]).update(state="cancelled")
    assert len(claiming.claim(leased, now=clock.now())) == 3
    assert used(company.number) == 3


def test_what_turns_out_longer_is_counted_as_it_is(company: Company) -> None:
    nodes = [("first", "send_sms", {"body": "x" * 150}), ("done", "end", {})]
    company.launch(1, nodes, EDGES)
    engine.run_round(now=clock.now())
    assert take() == 1
    assert used(company.number) == 2, "with the opt-out line it has two segments"


def test_what_the_provider_refuses_is_not_counted(company: Company) -> None:
    cap(company, 3)
    company.launch(2, SHORT, EDGES)
    engine.run_round(now=clock.now())
    now = clock.now()
    first, second = claiming.claim(leasing.lease(2, now=now), now=now)
    assert used(company.number) == 2
    refusal = ProviderError("too fast", permanent=False, accepted="no", code="20429")
    lost = ProviderError("no answer", permanent=False, accepted="unknown", code="timeout")
    delivery.record([
        delivery.CallResult(first.message_id, first.attempt_id, refusal),
        delivery.CallResult(second.message_id, second.attempt_id, lost),
    ], now=now)  # fmt: skip
    assert used(company.number) == 1, "the lost one may have been taken"


def test_a_counter_never_falls_below_zero(company: Company) -> None:
    number_days.count({company.number.pk: -5}, clock.now())
    number_days.count({company.number.pk: 2}, clock.now())
    number_days.count({company.number.pk: -5}, clock.now())
    assert used(company.number) == 0


def test_without_a_cap_nothing_asks_for_it(company: Company) -> None:
    assert number_days.left([company.account.pk], clock.now()) == {}
    company.launch(30, SHORT, EDGES)
    engine.run_round(now=clock.now())
    assert take() == 30
