"""A step that breaks its batch is set aside; everybody else goes on."""

import pytest

from campaigns import engine
from campaigns.models import Enrollment, EnrollmentSnapshot, Step
from common import clock
from tests import factories
from tests.campaigns.test_engine import launch

# The engine needs transactions of its own: what breaks is rolled back.
pytestmark = pytest.mark.django_db(transaction=True)

OLD = {"label": "old", "field": "years_since_last_job", "operator": "at_least", "value": 3}
CHECK = ("check", "branch", {"conditions": [OLD]})
TEXTS = [("old_text", "send_sms", {"body": "Hi"}), ("new_text", "send_sms", {"body": "Hello"})]
WAYS = [("check", "old", "old_text"), ("check", "otherwise", "new_text")]


@pytest.fixture
def unreadable():
    """Spoil what was kept at entry of these many enrollments; which they are."""

    def spoil(count: int) -> set[int]:
        ids = list(Enrollment.objects.order_by("pk").values_list("pk", flat=True)[:count])
        EnrollmentSnapshot.objects.filter(enrollment__in=ids).update(data={"last_job_at": "not a time"})
        return set(ids)

    return spoil


def at(key: str) -> set[int]:
    return set(Step.objects.filter(node__key=key).values_list("enrollment_id", flat=True))


@pytest.mark.parametrize(("contacts", "broken"), [(7, 1), (7, 3), (1, 1)])
def test_a_step_that_breaks_its_batch_fails_and_the_others_go_on(unreadable, contacts, broken):
    campaign = launch(factories.make_account(), contacts, [CHECK, *TEXTS], WAYS)
    at_fault = unreadable(broken)
    assert engine.run_round(now=clock.now()) == contacts
    failed = Step.objects.filter(node__key="check", state="failed", reason="error")
    assert set(failed.values_list("enrollment_id", flat=True)) == at_fault
    assert Step.objects.filter(node__key="check", state="completed").count() == contacts - broken
    assert at("new_text") == set(campaign.enrollments.values_list("pk", flat=True))


def test_a_step_that_breaks_on_its_way_on_ends_its_passage(unreadable):
    wait = ("pause", "wait", {"minutes": 1})
    launch(factories.make_account(), 5, [wait, CHECK, *TEXTS], [("pause", "next", "check"), *WAYS])
    at_fault = unreadable(1)
    Step.objects.update(due_at=clock.now())
    engine.run_round(now=clock.now())
    ended = Enrollment.objects.get(state="ended")
    assert ({ended.pk}, ended.ended_reason) == (at_fault, "error")
    assert len(at("new_text")) == 4
    assert not Step.objects.filter(enrollment=ended, state__in=Step.OPEN).exists()


def test_where_nothing_goes_through_nobody_is_failed(unreadable):
    launch(factories.make_account(), 12, [CHECK, *TEXTS], WAYS)
    unreadable(12)
    with pytest.raises(Exception, match="not a time"):
        engine.run_round(now=clock.now())
    assert set(Step.objects.values_list("state", flat=True)) == {"scheduled"}
