"""What the triggers append, and that they append nothing when nothing counted changed."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import F

from analytics import counters
from analytics.models import CounterDelta, JobCredit
from analytics.recount import recount
from campaigns.models import Enrollment, Node, Step, WorkflowVersion
from conversations.models import Message
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build()


def counted(world: World) -> dict[tuple[str, str], int]:
    return {(key, column): n for (_, key, column), n in counters.totals([world.campaign.pk]).items()}


def tail() -> Counter[tuple[str, str, datetime]]:
    """Sum of the deltas per node, column and minute."""
    found: Counter[tuple[str, str, datetime]] = Counter()
    for delta in CounterDelta.objects.all():
        found[delta.node_key, delta.column, delta.minute] += delta.n
    return Counter({cell: n for cell, n in found.items() if n})


def test_step_counts_at_its_own_minutes(world: World) -> None:
    step = world.step(world.enrol(), at=NOON)
    Step.objects.filter(pk=step.pk).update(state="queued", state_at=later(3), due_at=None)
    noon = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
    found = tail()
    assert found["first_text", "entered", noon] == 1
    assert found["first_text", "queued", datetime(2026, 5, 5, 12, 3, tzinfo=UTC)] == 1
    assert ("first_text", "scheduled", noon) not in found
    assert recount().differences == []


def test_same_state_again_moves_to_its_new_minute(world: World) -> None:
    step = world.step(world.enrol(), at=NOON)
    Step.objects.filter(pk=step.pk).update(state_at=later(90))
    assert tail()["first_text", "scheduled", datetime(2026, 5, 5, 13, 30, tzinfo=UTC)] == 1
    assert counted(world)["first_text", "scheduled"] == 1
    assert recount().differences == []


def test_message_states_count_at_the_node_of_its_step(world: World) -> None:
    step = world.step(world.enrol(), "second_text", "queued")
    message = world.text(step)
    assert counted(world)["second_text", "text:pending"] == 1
    Message.objects.filter(pk=message.pk).update(
        state="accepted", state_at=later(1), accepted_at=later(1), replied_at=later(2)
    )
    Message.objects.filter(pk=message.pk).update(state="delivered", state_at=later(2))
    found = counted(world)
    assert found["second_text", "accepted"] == found["second_text", "text:delivered"] == 1
    assert found["second_text", "replies"] == 1
    assert found["second_text", "text:sent"] == 1 and ("second_text", "text:pending") not in found
    Message.objects.filter(pk=message.pk).update(state="failed", state_at=later(3), opted_out_at=later(4))
    found = counted(world)
    assert found["second_text", "accepted"] == found["second_text", "undelivered"] == 1
    assert found["second_text", "optouts"] == 1
    assert recount().differences == []


def test_refused_text_is_not_undelivered(world: World) -> None:
    world.text(world.step(world.enrol(), state="failed"), "rejected")
    found = counted(world)
    assert found["first_text", "text:rejected"] == 1
    assert ("first_text", "undelivered") not in found
    assert recount().differences == []


def test_messages_of_no_campaign_are_not_counted(world: World) -> None:
    message = world.text(world.step(world.enrol()))
    before = tail()
    Message.objects.create(
        account=world.account, address_id=message.address_id, number=world.number, kind="inbound",
        state="received", body="hi",
    )  # fmt: skip
    assert tail() == before


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Message, {"due_at": NOON, "leased_until": NOON}),
        (Message, {"state": F("state")}),
        (Step, {"due_at": NOON, "outcome": "next"}),
        (Enrollment, {"occurrence": 2}),
    ],
)
def test_uncounted_change_appends_nothing(world: World, model: type, change: dict[str, object]) -> None:
    for _ in range(3):
        world.text(world.step(world.enrol()))
    before = CounterDelta.objects.count()
    assert model.objects.update(**change) == 3  # type: ignore[attr-defined]
    assert CounterDelta.objects.count() == before > 0


def test_batch_appends_one_row_per_cell(world: World) -> None:
    enrollments = [world.enrol() for _ in range(40)]
    before = CounterDelta.objects.count()
    Step.objects.bulk_create(
        Step(campaign=world.campaign, enrollment=e, node=world.nodes["first_text"], state="scheduled",
             state_at=NOON, created_at=NOON, due_at=NOON)
        for e in enrollments
    )  # fmt: skip
    assert CounterDelta.objects.count() - before == 2
    Step.objects.update(state="queued", state_at=later(1), due_at=None)
    assert CounterDelta.objects.count() - before == 4
    assert recount().differences == []


def test_enrollment_counts_in_and_out(world: World) -> None:
    first, second = world.enrol(), world.enrol()
    Enrollment.objects.filter(pk=second.pk).update(returning=True)
    Enrollment.objects.filter(pk=first.pk).update(state="ended", ended_at=later(5), ended_reason="opted_out")
    found = counted(world)
    assert found["", "entries"] == 2 and found["", "audience"] == 1
    assert found["", "exits"] == found["", "exits:opted_out"] == 1
    assert found["", "entries"] - found["", "exits"] == found["", "active"] == 1
    assert recount().differences == []


def test_exclusion_counts_under_its_reason(world: World) -> None:
    exclusion = world.exclude("no_address")
    world.exclude("opted_out")
    assert counted(world)["", "excluded"] == 2 and counted(world)["", "excluded:no_address"] == 1
    exclusion.reason = "opted_out"
    exclusion.save()
    assert counted(world)["", "excluded:opted_out"] == 2 and ("", "excluded:no_address") not in counted(world)
    assert recount().differences == []


def test_credit_counts_as_booked_and_moves_when_corrected(world: World) -> None:
    step = world.touch()
    booking = world.book(step)
    credit = JobCredit.objects.create(
        account=world.account, job=world.job(booking, at=later(60)), campaign=world.campaign,
        node=step.node, enrollment=step.enrollment, link="booking", at=later(60),
    )  # fmt: skip
    assert counted(world)["first_text", "booked"] == 1
    JobCredit.objects.filter(pk=credit.pk).update(node=world.nodes["second_text"])
    assert counted(world)["second_text", "booked"] == 1 and ("first_text", "booked") not in counted(world)
    assert recount().differences == []
    credit.delete()
    assert ("second_text", "booked") not in counted(world)


def test_step_moved_to_another_version_keeps_its_key(world: World) -> None:
    step = world.touch()
    version = WorkflowVersion.objects.create(workflow=world.version.workflow, number=2)
    node = Node.objects.create(version=version, key="first_text", kind="send_sms", name="First", position=0)
    before = CounterDelta.objects.count()
    Step.objects.filter(pk=step.pk).update(node=node)
    assert CounterDelta.objects.count() == before
    assert counted(world)["first_text", "accepted"] == 1
    assert recount().differences == []


def test_step_moved_to_another_key_takes_its_message_along(world: World) -> None:
    step, other = world.touch(), world.touch(key="second_text")
    Step.objects.filter(pk=step.pk).update(node=world.nodes["second_text"])
    assert counted(world)["second_text", "accepted"] == 2 and ("first_text", "accepted") not in counted(world)
    assert recount().differences == []
    # Two steps change places in one statement: no node's number of steps changes.
    third = world.touch()
    nodes = {other.pk: world.nodes["first_text"].pk, third.pk: world.nodes["second_text"].pk}
    Message.objects.filter(origin=f"step:{third.pk}").update(replied_at=later(9))
    with connection.cursor() as cursor:
        cursor.execute(
            "update campaigns_step set node_id = case id when %s then %s else %s end where id in (%s, %s)",
            [other.pk, nodes[other.pk], nodes[third.pk], other.pk, third.pk],
        )
    assert counted(world)["second_text", "replies"] == 1
    assert recount().differences == []


@pytest.mark.parametrize("first", ["step", "message"])
def test_deleted_rows_leave_no_count(world: World, first: str) -> None:
    step = world.touch()
    message = Message.objects.get(origin=f"step:{step.pk}")
    for row in (step, message) if first == "step" else (message, step):
        row.delete()
        assert recount().differences == []
    Enrollment.objects.all().delete()
    world.exclude().delete()
    assert counted(world) == {}
    assert recount().differences == []


def test_contact_deleted_with_everything_of_it(world: World) -> None:
    step = world.touch()
    world.touch()
    step.enrollment.contact.delete()
    assert counted(world)["first_text", "accepted"] == counted(world)["", "entries"] == 1
    assert recount().differences == []
