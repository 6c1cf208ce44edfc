"""Lists of calls outside campaigns: the call queue and what stands behind shares of abandoned calls."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Role
from analytics import call_lists
from analytics.downloads import sources
from audiences.models import Contact
from common import clock
from conversations import abandonment, call_queue
from conversations.call_lines import Chosen
from conversations.models import Call, PlannedCall, SafetyPause
from tests import factories
from tests.accounts.making import make_member, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return factories.make_account("List Comfort")


def contact(account: Account, n: int) -> Contact:
    return factories.make_contact(account, factories.reserved(900 + n), name=f"Person {n}")


def test_the_queues_file_holds_whom_the_list_names(account: Account) -> None:
    now = clock.now()
    waits = [factories.plan_call(contact(account, n), due_at=now - timedelta(hours=n + 1)) for n in range(3)]
    factories.plan_call(contact(account, 3), due_at=now + timedelta(hours=1))
    factories.plan_call(contact(account, 4), state="cancelled", due_at=None)
    factories.plan_call(contact(account, 5), mode="script")
    back = factories.plan_call(
        contact(account, 6), kind="call_back", lane=factories.make_campaign_lane(account), due_at=now
    )
    other = factories.make_account("Elsewhere")
    factories.make_number(other, factories.reserved(950))
    elsewhere = factories.plan_call(contact(other, 0))
    source = sources.get(call_lists.QUEUE)
    for params in (
        {},
        {"campaign": str(waits[0].lane_id)},
        {"campaign": str(elsewhere.lane_id)},
        {"unit": "7"},
    ):
        chosen = Chosen.of(params, account)
        found = set(source.query(account, params).values_list("pk", flat=True))
        assert found == set(call_queue.listed(account, now, chosen.wanted))
        assert len(found) == call_queue.waiting(account, now, chosen.wanted).due
    assert set(source.query(account, {}).values_list("pk", flat=True)) == {*(w.pk for w in waits), back.pk}
    assert source.words(account, {"campaign": str(back.lane_id)}) == "Who waits for a call, Tune-ups"


def answered(planned: PlannedCall, *, days: float = 1, by: str = "human", abandoned: bool = False) -> Call:
    at = clock.now() - timedelta(days=days)
    PlannedCall.objects.filter(pk=planned.pk).update(first_accepted_at=at)
    return Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, state="completed", accepted_at=at, answered_at=at,
        ended_at=at, created_at=at, answered_by=by, abandoned_at=at if abandoned else None,
    )  # fmt: skip


def test_both_figures_of_a_share_open_exactly_their_calls(account: Account) -> None:
    made = [factories.plan_call(contact(account, n), mode="script", state="calling") for n in range(6)]
    lane = made[0].lane
    answered(made[0])
    answered(made[1], abandoned=True)
    answered(made[2], by="machine_end_beep")
    answered(made[3], days=31)
    answered(made[4], by="fax")
    answered(made[5], days=10, abandoned=True)
    client = signed_in(make_member(account, Role.CSR))

    def agree(both: tuple[int, int]) -> None:
        (share,) = abandonment.shares(now=clock.now(), account=account)
        assert (share.answered, share.abandoned) == both
        for which, n in zip(call_lists.WHICH, both, strict=True):
            page = listed(client, lane.pk, which)
            assert f'<data data-rows value="{n}">' in page
            params = {"lane": str(lane.pk), "which": which}
            assert sources.get(call_lists.ANSWERED).query(account, params).count() == n

    agree((3, 2))
    lifted = clock.now() - timedelta(days=5)
    SafetyPause.objects.create(
        account=account, lane=lane, rule="abandoned", reason="Too many", at=lifted - timedelta(hours=1),
        lifted_at=lifted,
    )  # fmt: skip
    agree((2, 1))
    shown = client.get(reverse("conversations:senders")).content.decode()
    assert reverse("analytics:answered_calls", args=[lane.pk]) in shown


def listed(client: Client, lane: int, which: str) -> str:
    answer = client.get(reverse("analytics:answered_calls", args=[lane]), {"which": which})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_nonsense_is_no_list(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    client = signed_in(make_member(account, Role.CSR))
    assert client.get(reverse("analytics:answered_calls", args=[lane.pk]), {"which": "x"}).status_code == 404
    for params in ({}, {"lane": "x"}, {"lane": str(lane.pk)}, {"lane": str(lane.pk), "which": "x"}):
        with pytest.raises(sources.Unknown):
            sources.get(call_lists.ANSWERED).query(account, params)


def test_a_row_of_a_call_leads_to_its_page(account: Account) -> None:
    planned = factories.plan_call(contact(account, 0), mode="script", state="calling")
    answered(planned)
    page = listed(signed_in(make_member(account, Role.CSR)), planned.lane_id, "answered")
    assert reverse("calls:person", args=[planned.pk]) in page
