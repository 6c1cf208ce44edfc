"""Campaigns that send from several numbers: who gets which, what moves when one leaves, and their speed."""

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Account, AuditEntry
from analytics import number_counts, rows
from audiences.models import Contact
from campaigns import capacity, cloning, engine, enrolling, launching, lifecycle, pool_changes, pools, tasks
from campaigns.models import Campaign, CampaignNumber
from common import clock, sql
from conversations import leasing, number_choice, outbound, safety
from conversations.models import Lane, Message, PlannedCall, SafetyPause, Thread
from integrations import numbers
from integrations.models import SendingNumber
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launch_form import HTMX, Ready, at

pytestmark = pytest.mark.django_db
TEXT = ([("text", "send_sms", {"body": "Hi"}), ("end", "end", {})], [("text", "next", "end")])
PLAN = {"words": {"en": "Hi {{ first_name }}, your plan ends soon."}}
CALL = ([("ring", "call", {"plan": PLAN}), ("end", "end", {})], [("ring", "next", "end")])


def lines(account: Account, *rates: int) -> list[SendingNumber]:
    """As many numbers, so fast."""
    return [
        factories.make_number(account, f"+1630555{100 + n:04}", rate, label=f"Line {n + 1}")
        for n, rate in enumerate(rates)
    ]


def customers(account: Account, people: int) -> list[Contact]:
    phones = [f"+1{312 + n // 100}555{100 + n % 100:04}" for n in range(people)]
    return factories.make_contacts(account, phones)


def queued(
    account: Account, pool: list[SendingNumber], noon: datetime, drawn: Any = TEXT, **chosen: Any
) -> Campaign:
    """A campaign from these numbers whose first messages wait."""
    draft = launching.Draft(
        **{
            "name": "Tune-up", "version": factories.make_workflow(account, *drawn),
            "audience": factories.make_audience(account), "number": pool[0], "others": tuple(pool[1:]),
            **chosen,
        }
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=noon)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    return campaign


def senders(campaign: Campaign, model: Any = Message) -> dict[int, int]:
    """Contact → the number that their message or call leaves from."""
    return dict(model.objects.filter(lane=campaign.lane).values_list("contact", "number"))


def thread(contact: Contact, number: SendingNumber) -> Thread:
    return Thread.objects.create(
        account=contact.account, contact=contact, address=factories.phone_of(contact), number=number
    )


def rest(number: SendingNumber, now: datetime) -> None:
    assert safety.pause(
        number.account_id,
        safety.Sender(number_id=number.pk),
        rule="failures",
        code="",
        reason="Too many",
        now=now,
    )


@pytest.mark.parametrize("rates", [(100, 100, 100, 100), (100, 300)])
def test_each_number_gets_as_many_as_it_is_fast(noon: datetime, rates: tuple[int, ...]) -> None:
    account = factories.make_account()
    customers(account, 400)
    pool = lines(account, *rates)
    counts = Counter(senders(queued(account, pool, noon)).values())
    assert sum(counts.values()) == 400 and set(counts) == {number.pk for number in pool}
    for number in pool:
        fair = 400 * number.segments_per_second / sum(rates)
        assert abs(counts[number.pk] - fair) < 45, (number, counts)  # five standard deviations


def test_a_customer_gets_the_same_number_again_from_whatever_asks(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 60)
    pool = lines(account, 9, 9, 9)
    first = senders(queued(account, pool, noon))
    again = senders(queued(account, pool[::-1], noon, name="Second"))
    calls = senders(queued(account, pool, noon, CALL, name="Third"), PlannedCall)
    assert first == again == calls and len(set(first.values())) == 3


def test_a_new_number_changes_nobodys_and_is_used_for_the_others(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 60)
    old = lines(account, 9, 9, 9)
    first = senders(queued(account, old[:2], noon))
    newcomers = {
        one.pk for one in factories.make_contacts(account, [f"+1773555{100 + n:04}" for n in range(60)])
    }
    then = senders(queued(account, old, noon, name="Second"))
    assert {contact: then[contact] for contact in first} == first
    assert any(then[contact] == old[2].pk for contact in newcomers)


def test_who_has_a_thread_keeps_its_number_also_where_the_pool_has_it_not(noon: datetime) -> None:
    account = factories.make_account()
    people = customers(account, 20)
    *pool, other = lines(account, 9, 9, 9)
    for contact in people[:5]:
        thread(contact, other)
    got = senders(queued(account, pool, noon))
    assert {got[one.pk] for one in people[:5]} == {other.pk}
    assert {got[one.pk] for one in people[5:]} <= {number.pk for number in pool}


def test_the_queue_is_as_long_as_all_of_them_are_fast(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 200)
    campaign = queued(account, lines(account, 1, 1), noon)
    assert len(senders(campaign)) == 120, "60 seconds of two numbers"


def test_each_number_keeps_its_own_rate(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 60)
    campaign = queued(account, lines(account, 1, 1, 1), noon)
    leased = leasing.lease(500, now=noon)
    got = Counter(Message.objects.filter(pk__in=leased, lane=campaign.lane).values_list("number", flat=True))
    assert len(got) == 3 and set(got.values()) == {1}, "a burst is one segment of each"
    assert leasing.lease(500, now=noon) == [], "and no more within the second"


@pytest.mark.parametrize("how", ["switched off", "rests"])
def test_what_waits_for_a_number_that_cannot_send_leaves_from_the_others(noon: datetime, how: str) -> None:
    account = factories.make_account()
    people = customers(account, 90)
    pool = lines(account, 9, 9, 9)
    thread(people[0], pool[1])
    campaign = queued(account, pool, noon)
    before = senders(campaign)
    if how == "rests":
        rest(pool[1], noon)
    else:
        numbers.switch(pool[1], active=False, by=factories.make_user(account))
    moved = pool_changes.move_waiting(now=noon)
    after = senders(campaign)
    assert moved == sum(number == pool[1].pk for number in before.values()) > 10
    assert {c: n for c, n in after.items() if before[c] != pool[1].pk} == {
        c: n for c, n in before.items() if n != pool[1].pk
    }, "nobody else moves"
    assert set(after.values()) == {pool[0].pk, pool[2].pk}, "of a thread, too: it could not send"
    said = AuditEntry.objects.get(verb="moved_waiting")
    assert f"Moved {moved} waiting messages of Tune-up from Line 2" in said.summary and how in said.summary
    assert pool_changes.move_waiting(now=noon) == 0

    SafetyPause.objects.update(lifted_at=noon)
    SendingNumber.objects.update(active=True)
    pool = list(SendingNumber.objects.order_by("pk"))
    again = senders(queued(account, pool, noon, name="Second"))
    back = {people[0].pk}  # the conversation's number sends again
    assert {c: n for c, n in again.items() if c not in back} == {
        c: n for c, n in after.items() if c not in back
    }, "who was moved stays with the number that took over"


def test_what_is_being_decided_stays(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 20)
    pool = lines(account, 9, 9)
    campaign = queued(account, pool, noon)
    taken = Message.objects.filter(number=pool[0]).order_by("pk").values_list("pk", flat=True)[:3]
    sql.run(
        "UPDATE conversations_message SET leased_until = clock_timestamp() + interval '9 s'"
        " WHERE id = ANY(%s)",
        [list(taken)],
    )
    numbers.switch(pool[0], active=False, by=factories.make_user(account))
    pool_changes.move_waiting(now=noon)
    left = Message.objects.filter(lane=campaign.lane, number=pool[0])
    assert set(left.values_list("pk", flat=True)) == set(taken)


def test_where_no_number_can_send_everything_waits(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 20)
    pool = lines(account, 9, 9)
    before = senders(campaign := queued(account, pool, noon))
    SendingNumber.objects.update(active=False)
    assert pool_changes.move_waiting(now=noon) == 0 and senders(campaign) == before
    assert number_choice.pool_of(account.pk, [n.pk for n in pool], now=noon).unable == ()


def test_waiting_calls_move_too(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 20)
    pool = lines(account, 9, 9)
    campaign = queued(account, pool, noon, CALL)
    numbers.switch(pool[0], active=False, by=factories.make_user(account))
    assert pool_changes.move_waiting(now=noon) > 0
    assert set(senders(campaign, PlannedCall).values()) == {pool[1].pk}


def test_a_brand_whose_day_is_over_is_passed_over(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 20)
    pool = lines(account, 9, 9)
    SendingNumber.objects.filter(pk=pool[0].pk).update(daily_cap=9)
    assert set(senders(queued(account, pool, noon)).values()) == {pool[1].pk}


def test_a_number_is_taken_out_and_what_waits_for_it_moves(noon: datetime) -> None:
    account = factories.make_account()
    people = customers(account, 60)
    pool = lines(account, 9, 9, 9)
    campaign = queued(account, pool[:2], noon)
    before, by = senders(campaign), factories.make_user(account)
    kept = next(one for one in people if before[one.pk] == pool[0].pk)
    thread(kept, pool[0])
    pool_changes.change(campaign, [pool[1], pool[2]], by=by, now=noon)
    campaign.refresh_from_db()
    assert campaign.number == pool[1] and pools.ids_of(campaign) == [pool[1].pk, pool[2].pk]
    tasks.move_numbers()
    after = senders(campaign)
    assert after[kept.pk] == pool[0].pk, "a conversation keeps its number"
    assert {n for c, n in after.items() if c != kept.pk} == {pool[1].pk, pool[2].pk}
    assert all(after[c] == n for c, n in before.items() if n == pool[1].pk)
    assert not CampaignNumber.objects.filter(left_at__isnull=False).exists(), "nothing waits for it"
    entry = AuditEntry.objects.get(verb="changed_pool")
    assert entry.detail == {"before": "Line 1 and Line 2", "after": "Line 2 and Line 3"}
    pool_changes.change(campaign, [pool[2], pool[1]], by=by, now=noon)
    assert AuditEntry.objects.filter(verb="changed_pool").count() == 1, "the same again changes nothing"
    pool_changes.change(campaign, pool, by=by, now=noon)
    assert pools.ids_of(campaign) == [pool[1].pk, pool[0].pk, pool[2].pk]


def test_a_pool_needs_a_number_that_can_send_and_a_campaign_that_runs(noon: datetime) -> None:
    account, stranger = factories.make_account(), factories.make_account()
    customers(account, 2)
    pool = lines(account, 9, 9)
    foreign = factories.make_number(stranger, "+18475550100")
    campaign, by = queued(account, pool[:1], noon), factories.make_user(account)
    numbers.switch(pool[1], active=False, by=by)
    for wanted, why in (([], "one number at least"), ([foreign], "not belong"), (pool, "switched off")):
        with pytest.raises(lifecycle.NotPossible, match=why):
            pool_changes.change(campaign, wanted, by=by, now=noon)
    lifecycle.stop(campaign, by=by, now=noon)
    with pytest.raises(lifecycle.NotPossible, match="completed"):
        pool_changes.change(campaign, pool[:1], by=by, now=noon)


def test_the_page_changes_the_numbers_and_takes_it_back(noon: datetime) -> None:
    account = factories.make_account()
    customers(account, 4)
    pool = lines(account, 9, 9)
    campaign = queued(account, pool[:1], noon)
    client = signed_in(factories.make_user(account, "csr"))
    url = reverse("campaigns:pool", args=[campaign.pk])
    assert "Line 2" in client.get(url).content.decode()
    seen = str(pool[0].pk)
    answer = client.post(url, {"number": [number.pk for number in pool], "seen": seen})
    said = answer.content.decode()
    assert "sends from Line 1 and Line 2 from now on" in said and "Undo" in said
    assert pools.ids_of(campaign) == [number.pk for number in pool]
    late = client.post(url, {"number": [pool[1].pk], "seen": seen})
    assert late.status_code == 409 and "Somebody has changed the numbers" in late.content.decode()
    client.post(url, {"number": [pool[0].pk], "seen": "-".join(str(n.pk) for n in pool)})
    assert pools.ids_of(campaign) == [pool[0].pk]
    empty = client.post(url, {"seen": seen})
    assert empty.status_code == 422 and "Choose the number that sends" in empty.content.decode()
    shown = client.get(reverse("analytics:campaign", args=[campaign.pk]) + "?tab=settings").content.decode()
    assert url in shown


def test_every_figure_of_a_number_opens_as_many_texts(noon: datetime) -> None:
    account = factories.make_account()
    people = customers(account, 40)
    *pool, other = lines(account, 9, 9, 9)
    thread(people[0], other)
    campaign = queued(account, pool, noon)
    some = Message.objects.order_by("pk").values_list("pk", flat=True)[:15]
    Message.objects.filter(pk__in=list(some)).update(
        state="accepted", accepted_at=noon, body="Hi", due_at=None
    )
    found = number_counts.of_campaign(campaign, now=noon)
    assert [line.number.pk for line in found] == [*(n.pk for n in pool), other.pk]
    assert [line.in_pool for line in found] == [True, True, False]
    assert sum(line.sent.part for line in found) == 15 and sum(line.waiting for line in found) == 25
    client = signed_in(factories.make_user(account, "agent"))
    page = client.get(reverse("analytics:campaign_numbers", args=[campaign.pk])).content.decode()
    assert "Not of this campaign" in page
    listed = reverse("analytics:campaign_rows", args=[campaign.pk])
    for line in found:
        for column, n in (("sent_from", line.sent.part), ("waiting_for", line.waiting)):
            asked = f"{column}:{line.number.pk}"
            assert rows.behind(campaign, None, asked).count() == n
            shown = client.get(listed, {"column": asked}).content.decode()
            assert f'<data data-rows value="{n}">' in shown and str(line.number) in shown
    for unknown in ("sent_from:x", "waiting_for:999999999"):
        assert client.get(listed, {"column": unknown}).status_code == 404


def test_what_numbers_can_send_together(ready: Ready) -> None:
    others = lines(ready.account, 2, 3)
    start = clock.now().replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=7)
    pool = [ready.number, *others]
    able = [capacity.sendable(ready.account, [one], ready.version, start=start) for one in pool]
    assert capacity.sendable(ready.account, pool, ready.version, start=start) == sum(able)
    assert capacity.pace(pool, None) == 6 and capacity.pace(pool, 3600) == 1
    SendingNumber.objects.filter(pk__in=[one.pk for one in others]).update(brand_id="B1", daily_cap=1_000)
    days = len({span.opens.date() for span in capacity.spans_of(ready.account, others, start=start)})
    capped = sum(span.segments for span in capacity.spans_of(ready.account, others, start=start))
    assert capped <= 1_000 * (days + 1), "one cap for both numbers of a brand"
    assert "1,000 segments a day" in capacity.days_needed(others, 3_000)
    assert capacity.days_needed(pool, 3_000) == "", "the third has no cap"


def tuesday(ready: Ready) -> datetime:
    """The next noon of one at the company."""
    day = clock.now().astimezone(ready.account.zone).replace(hour=12, minute=0) + timedelta(days=1)
    return day + timedelta(days=(1 - day.weekday()) % 7)


def on_a_tuesday(ready: Ready) -> dict[str, str]:
    return {"start": "later", "starts_at": f"{tuesday(ready):%Y-%m-%dT%H:%M}"}


def test_a_refusal_names_the_numbers_it_takes_and_one_button_takes_them(ready: Ready) -> None:
    lines(ready.account, 1, 1)
    start = tuesday(ready)
    page = ready.fill(**on_a_tuesday(ready))
    assert "Schedule for 3 contacts" in page
    draft = launching.Draft("Wave", ready.version, ready.audience, ready.number)
    foreseen = capacity.suggested(
        ready.account, draft.pool, ready.version, needed=3 * 30 * 3600 - 9, start=start, send_by_hours=72
    )
    assert [str(one) for one in foreseen] == [str(ready.number), "Line 1", "Line 2"]
    said = capacity.refusal(
        draft.pool, needed=300_000, sendable=108_000, send_by_hours=72, rate=1, texts=None, take=foreseen
    )
    assert "It takes 3 of your numbers" in said
    none = capacity.suggested(
        ready.account, draft.pool, ready.version, needed=10**9, start=start, send_by_hours=72
    )
    assert none == []
    url, token = reverse("campaigns:launch_numbers"), str(ready.draft.token)
    ready.client.post(url, {"token": token, "take": [str(one.pk) for one in foreseen]})
    assert ready.draft.fields["number"] == [str(one.pk) for one in foreseen]
    shown = ready.client.get(at("review")).content.decode()
    assert "Line 1" in shown and "Line 2" in shown and not Campaign.objects.exists()
    stale = ready.client.post(url, {"token": "x", "take": "1"})
    assert stale.status_code == 409 and len(ready.draft.fields["number"]) == 3


def test_the_review_offers_the_numbers_that_would_do(ready: Ready) -> None:
    lines(ready.account, 1)
    SendingNumber.objects.filter(pk=ready.number.pk).update(daily_cap=2)  # of three texts
    page = ready.fill(**on_a_tuesday(ready), send_by_hours=1)
    assert "It takes 2 of your numbers" in page and "Send from these 2 numbers" in page
    assert "Schedule for" not in page and ready.post("review").status_code == 422
    taken = re.findall(r'name="take" value="(\d+)"', page)
    url = reverse("campaigns:launch_numbers")
    shown = ready.client.post(url, {"token": str(ready.draft.token), "take": taken}, headers=HTMX)
    assert "Schedule for 3 contacts" in shown.content.decode()


def test_a_launch_from_two_numbers_through_the_modal_and_back(ready: Ready) -> None:
    second = lines(ready.account, 2)[0]
    ready.fill(number=[ready.number.pk, second.pk])
    ready.post("review")
    campaign = Campaign.objects.get()
    assert set(pools.ids_of(campaign)) == {ready.number.pk, second.pk}
    assert set(cloning.of(campaign).fields["number"]) == {str(ready.number.pk), str(second.pk)}
    ready.client.post(reverse("campaigns:undo", args=[campaign.pk]))
    assert set(ready.draft.fields["number"]) == {str(ready.number.pk), str(second.pk)}
    assert not CampaignNumber.objects.exists()


def test_a_draft_of_one_number_as_it_was_kept_before_holds(ready: Ready) -> None:
    ready.fill()
    draft = ready.draft
    draft.fields["number"] = str(ready.number.pk)
    draft.save()
    assert "Send to 3 contacts" in ready.client.get(at("review")).content.decode()
    assert "checked" in ready.client.get(at("sender")).content.decode()


def test_a_number_of_a_pool_that_was_switched_off_since_is_refused(ready: Ready) -> None:
    second = lines(ready.account, 2)[0]
    draft = launching.Draft("Wave", ready.version, ready.audience, ready.number, others=(second,))
    numbers.switch(second, active=False, by=factories.make_user(ready.account))
    second.refresh_from_db()
    found = launching.problems(ready.account, draft, now=clock.now())
    assert found["number"] == ["Line 1 is switched off. Choose another, or switch it on in Settings."]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["text", "off", "on", "rest", "out", "in", "answer", "move"]), st.integers(0, 3)
    ),
    min_size=4, max_size=14,
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(steps=STEPS)
def test_a_message_has_one_number_and_nobody_changes_theirs_without_reason(steps, noon: datetime) -> None:
    with transaction.atomic():
        _Story(noon).run([("text", 0), *steps, ("text", 0)])
        transaction.set_rollback(True)


class _Story:
    """Texts to the same ten customers while numbers come, go, rest and are answered to."""

    def __init__(self, noon: datetime) -> None:
        self.noon, self.account = noon, factories.make_account()
        self.people = customers(self.account, 10)
        self.numbers = lines(self.account, 1, 1, 2, 3)
        self.lane = Lane.objects.create(account=self.account, kind="campaign", name="Story")
        self.pool = {one.pk for one in self.numbers}
        self.last: dict[int, int] = {}  # contact → the number of their latest text
        self.answered: dict[int, int] = {}  # contact → the number of their thread
        self.rounds = 0

    def run(self, steps: list[tuple[str, int]]) -> None:
        for what, index in steps:
            getattr(self, {"in": "back"}.get(what, what))(index)

    def able(self) -> set[int]:
        found = number_choice.able_numbers(self.account.pk, now=self.noon)
        return {number for number, (_, fit) in found.items() if fit}

    def text(self, _: int) -> None:
        self.rounds += 1
        chosen = number_choice.pool_of(self.account.pk, sorted(self.pool), now=self.noon)
        source = sql.Query(
            "SELECT 'step:' || (%(round)s::bigint + c.id) AS origin, c.id AS contact_id, a.address_id,"
            " NULL::jsonb AS variables, NULL::timestamptz AS send_by,"
            " NULL::timestamptz AS unless_booked_since FROM audiences_contact c"
            " JOIN audiences_contactaddress a ON a.contact_id = c.id WHERE c.account_id = %(account)s",
            {"round": self.rounds * 10**6, "account": self.account.pk},
        )
        made = outbound.queueing(
            source, account_id=self.account.pk, lane_id=self.lane.pk, pool=chosen,
            template_id=outbound.template(self.account, "Hi").pk, segments=1,
            now=self.noon + timedelta(seconds=self.rounds),
        )  # fmt: skip
        ids = sql.column(f"WITH t AS ({made.text}) SELECT id FROM t", made.params)
        got = dict(Message.objects.filter(pk__in=ids).values_list("contact", "number"))
        assert len(got) == len(self.people)
        able = self.able()
        could = self.pool & able
        for contact, number in got.items():
            wanted = self.answered.get(contact)
            if wanted is not None and (wanted in able or not could):
                assert number == wanted, "a conversation keeps its number"
                continue
            assert number in (could or self.pool), "one of the pool that can send, if any"
            before = self.last.get(contact)
            if before in (could or self.pool):
                assert number == before, "nobody changes without a reason"
        self.last |= got

    def off(self, index: int) -> None:
        SendingNumber.objects.filter(pk=self.numbers[index].pk).update(active=False)

    def on(self, index: int) -> None:
        SendingNumber.objects.filter(pk=self.numbers[index].pk).update(active=True)
        SafetyPause.objects.filter(number=self.numbers[index]).update(lifted_at=self.noon)

    def rest(self, index: int) -> None:
        if not SafetyPause.objects.filter(number=self.numbers[index], lifted_at=None).exists():
            rest(self.numbers[index], self.noon)

    def out(self, index: int) -> None:
        if len(self.pool) > 1:
            self.pool.discard(self.numbers[index].pk)

    def back(self, index: int) -> None:
        self.pool.add(self.numbers[index].pk)

    def answer(self, index: int) -> None:
        contact = self.people[index]
        if contact.pk in self.last and contact.pk not in self.answered:
            self.answered[contact.pk] = self.last[contact.pk]
            thread(contact, SendingNumber.objects.get(pk=self.last[contact.pk]))

    def move(self, _: int) -> None:
        """Nothing waits in a campaign here: moving touches nothing of anybody else's."""
        assert pool_changes.move_waiting(now=self.noon) == 0
