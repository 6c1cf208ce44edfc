"""A launch can be undone for a minute: nobody is in it before; of both sides of the last second one wins."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns import drafts, engine, enrolling, launching, lifecycle, tasks, undoing
from campaigns.models import Campaign, Enrollment, Intake, LaunchDraft
from common import clock
from conversations.models import Lane
from tests import factories
from tests.campaigns.launch_form import HTMX, Ready
from tests.campaigns.launched import launch

SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_nobody_enters_before_the_minute_is_over(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(account, hold=launching.UNDO, now=noon)
    assert campaign.status == "scheduled" and campaign.starts_at == noon + launching.UNDO
    assert lifecycle.unfinished_intakes(now=noon + 59 * SECOND) == []
    with pytest.raises(enrolling.NotLaunched):
        enrolling.enroll(campaign, now=noon + 59 * SECOND)
    engine.run_round(now=noon + 59 * SECOND)
    assert not Enrollment.objects.exists() and not Intake.objects.exists()

    assert lifecycle.unfinished_intakes(now=noon + launching.UNDO) == [(campaign, 1)]
    enrolling.enroll(campaign, now=noon + launching.UNDO)
    engine.run_round(now=noon + launching.UNDO)
    campaign.refresh_from_db()
    assert campaign.status == "active" and Enrollment.objects.count() == 1


@pytest.mark.django_db
def test_a_launch_by_a_program_for_later_enrols_at_once(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(account, at=noon + timedelta(days=1), now=noon)
    assert campaign.held_until is None
    enrolling.enroll(campaign, now=noon)
    assert Enrollment.objects.count() == 1


@pytest.mark.django_db
def test_undo_gives_back_what_was_typed(ready: Ready) -> None:
    ready.fill(texts_per_hour="120", exits=["booked"], send_by_hours="24")
    typed = ready.draft.fields
    page = ready.post("review")["Location"]
    campaign = Campaign.objects.get()
    shown = ready.client.get(page).content.decode()
    assert "Undo launch" in shown and "nothing is sent before" in shown
    assert ": the launch of Spring tune-ups" in ready.client.get(reverse("campaigns:list")).content.decode()
    tasks.take_in()
    answer = ready.client.post(reverse("campaigns:undo", args=[campaign.pk]), headers=HTMX)
    assert answer["HX-Redirect"] == reverse("campaigns:launch")
    assert ready.draft.fields == typed
    assert not Campaign.objects.exists() and not Lane.objects.filter(kind="campaign").exists()
    assert AuditEntry.objects.filter(verb="undid_launch").exists()
    ready.fill()
    ready.post("review")
    assert Campaign.objects.count() == 1, "and it can be launched again"


@pytest.mark.django_db
def test_undo_keeps_a_draft_that_was_begun_meanwhile(ready: Ready) -> None:
    ready.fill()
    ready.post("review")
    campaign = Campaign.objects.get()
    ready.open()
    ready.post("workflow", name="Another one")
    ready.client.post(reverse("campaigns:undo", args=[campaign.pk]))
    campaign.refresh_from_db()
    assert campaign.status == "created" and campaign.lane is None
    assert ready.draft.fields["name"] == "Another one"
    page = ready.client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "It is not launched" in page and "Make it a draft" in page
    for tab in ("table", "records", "funnel", "links", "log", "settings"):
        url = reverse("analytics:campaign", args=[campaign.pk])
        assert ready.client.get(f"{url}?tab={tab}").status_code == 200, tab

    back = reverse("campaigns:take_back", args=[campaign.pk])
    asked = ready.client.post(back, follow=True).content.decode()
    assert ready.draft.fields["name"] == "Another one" and Campaign.objects.exists()
    assert "“Another one”" in asked and "it would be forgotten" in asked
    assert 'name="replace" value="1"' in asked and "Replace my draft" in asked
    ready.client.post(reverse("campaigns:take_back", args=[campaign.pk]), {"replace": "1"})
    assert ready.draft.fields["name"] == "Spring tune-ups" and not Campaign.objects.exists()


@pytest.mark.django_db
def test_what_was_never_launched_can_be_deleted_and_nothing_else(ready: Ready) -> None:
    ready.fill()
    ready.post("review")
    campaign = Campaign.objects.get()
    delete = reverse("campaigns:delete", args=[campaign.pk])
    ready.client.post(delete)
    assert Campaign.objects.exists(), "it is launched"
    Campaign.objects.update(status="created", launched_at=None, held_until=None)
    ready.client.post(delete)
    assert not Campaign.objects.exists() and AuditEntry.objects.filter(verb="deleted_campaign").exists()


@pytest.mark.django_db
def test_after_a_minute_it_is_too_late(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    user = factories.make_user(account)
    campaign = launch(account, hold=launching.UNDO, now=noon)
    with pytest.raises(undoing.NotPossible, match="too late"):
        undoing.undo(campaign, by=user, now=noon + launching.UNDO)
    enrolling.enroll(campaign, now=noon + launching.UNDO)
    with pytest.raises(undoing.NotPossible, match="too late"):
        undoing.undo(campaign, by=user, now=noon)
    assert Enrollment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(4))
def test_undone_in_the_last_second_or_entered_never_both(noon: datetime, turn: int) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    user = factories.make_user(account)
    campaign = launch(account, hold=launching.UNDO, now=noon)
    together = Barrier(2, timeout=20)

    def undone() -> bool:
        together.wait()
        try:
            undoing.undo(campaign, by=user, now=noon + 59 * SECOND)
        except undoing.NotPossible:
            return False
        finally:
            connection.close()
        return True

    def entered() -> bool:
        together.wait()
        try:
            enrolling.enroll(campaign, now=noon + launching.UNDO)
        except enrolling.NotLaunched:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        order = [undone, entered] if turn % 2 else [entered, undone]
        got = {act.__name__: threads.submit(act) for act in order}
        was_undone, had_entered = got["undone"].result(), got["entered"].result()
    assert was_undone != had_entered
    assert Enrollment.objects.exists() == had_entered
    assert Campaign.objects.exists() != was_undone
    assert LaunchDraft.objects.filter(user=user).exists() == was_undone


@pytest.mark.django_db
def test_a_form_sent_again_after_undo_launches_nothing(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    ready.client.post(reverse("campaigns:launch_stage", args=["review"]), form)
    campaign = Campaign.objects.get()
    ready.client.post(reverse("campaigns:undo", args=[campaign.pk]))
    answer = ready.client.post(reverse("campaigns:launch_stage", args=["review"]), form)
    assert answer.status_code == 409 and not Campaign.objects.exists()
    assert drafts.open_for(ready.account, AuditEntry.objects.filter(verb="undid_launch").get().by).begun
    assert clock.now() is not None
