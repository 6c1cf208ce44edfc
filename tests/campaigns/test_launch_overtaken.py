"""A launch whose choices, figures or hour passed while its form lay open: it says so, and sends nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import drafts
from campaigns.models import Campaign, Playbook, Workflow
from common import clock
from conversations import unit_pausing
from tests import factories
from tests.audiences import people
from tests.campaigns.launch_form import MODAL, URL, Ready, at
from tests.campaigns.test_message_emails import EMAIL

pytestmark = pytest.mark.django_db


def test_a_newer_version_leads_back_to_the_choice_and_says_why(ready: Ready) -> None:
    ready.fill()
    factories.make_workflow(ready.account, workflow=ready.version.workflow)
    page = ready.open(**MODAL)
    assert "What do you want to send?" in page and "a newer one was published" in page
    assert 'href="#id_workflow"' in page and 'aria-invalid="true"' in page
    refused = ready.post("review", plan="", admitted="3")
    assert refused.status_code == 422 and not Campaign.objects.exists()


def test_whoever_was_not_beyond_a_stage_is_told_of_no_mistake(ready: Ready) -> None:
    ready.open()
    page = ready.client.get(at("review")).content.decode()
    assert "What do you want to send?" in page and "error-summary" not in page


def test_a_start_that_has_passed_is_asked_for_again(
    ready: Ready, noon: datetime, later: Callable[[timedelta], datetime]
) -> None:
    ready.fill(start="later", starts_at="2026-11-24T10:00")
    later(timedelta(days=2))
    page = ready.open(**MODAL)
    assert "When does it start?" in page and "This time has passed" in page
    assert 'value="2026-11-24T10:00"' in page, "what was typed is kept"


def test_what_went_into_the_archive_is_told_where_it_was_chosen(ready: Ready) -> None:
    playbook = Playbook.objects.create(account=ready.account, name="Spring", archived_at=clock.now())
    ready.open()
    answer = ready.post("workflow", playbook=playbook.pk)
    assert answer.status_code == 422 and "The playbook you chose is in the archive" in answer.text


def test_a_copy_says_what_is_in_the_archive(ready: Ready) -> None:
    playbook = Playbook.objects.create(account=ready.account, name="Spring")
    ready.fill(playbook=playbook.pk)
    ready.post("review")
    campaign = Campaign.objects.get()
    Workflow.objects.update(archived_at=clock.now())
    Playbook.objects.update(archived_at=clock.now())
    page = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL).text
    assert "The workflow Tune-up season: it is in the archive. Choose another." in page
    assert "The playbook Spring: it is in the archive." in page and ready.draft.fields["playbook"] == ""


def test_what_was_looked_at_at_noon_is_looked_at_again_at_night(
    ready: Ready, noon: datetime, later: Callable[[timedelta], datetime]
) -> None:
    ready.fill()
    seen = noon.isoformat()
    assert ready.client.get(at("review")).context["preview"].first_at.date() == noon.date()
    later(timedelta(hours=9))
    answer = ready.post("review", first=seen)
    assert answer.status_code == 409 and "You looked at this a while ago" in answer.text
    assert not Campaign.objects.exists()
    now = answer.context["preview"].first_at
    assert now - noon > timedelta(hours=9) and f'name="first" value="{now.isoformat()}"' in answer.text
    assert ready.post("review", first=now.isoformat()).status_code == 302


@pytest.mark.parametrize("seen", ["", "yesterday", "2026-11-23T12:00"])
def test_a_form_that_says_nothing_of_the_hour_is_no_error(ready: Ready, seen: str) -> None:
    ready.fill()
    assert ready.post("review", first=seen).status_code == 302


def test_a_number_that_was_mistyped_is_kept_to_be_mended(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "TYPED_ABOVE", 2)
    ready.fill()
    answer = ready.post("review", typed='33 "people"')
    assert answer.status_code == 422 or answer.status_code == 409
    assert 'value="33 &quot;people&quot;"' in answer.text and "This is not 3." in answer.text
    assert 'aria-describedby="id_typed_error"' in answer.text and not Campaign.objects.exists()
    assert ready.post("review", typed="3").status_code == 302


def test_the_form_of_a_launch_undone_elsewhere_leads_to_the_draft_it_became(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    ready.client.post(at("review"), form)
    ready.client.post(reverse("campaigns:undo", args=[Campaign.objects.get().pk]))
    answer = ready.client.post(at("review"), form)
    assert answer.status_code == 409 and "That form was out of date" in answer.text
    assert "Spring tune-ups" in answer.text and not Campaign.objects.exists()


def test_a_storm_day_is_said_before_sending(ready: Ready, noon: datetime) -> None:
    unit = people.unit(ready.account, "Roofing")
    by = factories.make_user(ready.account)
    unit_pausing._begin(unit, by, noon, noon + timedelta(hours=5), "Hail")
    page = ready.fill()
    assert "Campaigns rest for customers of Roofing until Nov 23, 5:00 pm (Hail)" in page


def test_what_nobody_could_launch_has_no_button(ready: Ready) -> None:
    """Said at the review, not only to whoever has pressed."""
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    ready.version = factories.make_workflow(ready.account, nodes, [("email", "next", "done")])
    page = ready.fill()
    assert "This cannot be launched yet" in page and "there is no mailbox to send them from" in page
    assert "Send to 3 contacts" not in page
    assert ready.post("review").status_code == 422 and not Campaign.objects.exists()
    factories.make_mailbox(ready.account)
    assert "Send to 3 contacts" in ready.client.get(at("review")).text


def test_groups_of_boxes_are_led_to_from_the_summary(ready: Ready) -> None:
    ready.fill(until="time")
    answer = ready.post("time", start="")
    assert 'href="#id_start_0"' in answer.text and 'id="id_start_0"' in answer.text


def test_enter_on_a_switch_beside_an_email_sends_nothing(ready: Ready) -> None:
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    ready.version = factories.make_workflow(ready.account, nodes, [("email", "next", "done")])
    factories.make_mailbox(ready.account)
    factories.give_mailbox(ready.account.contacts.earliest("pk"), "pat@example.org")
    page = ready.fill()
    assert page.count('type="radio" form="none"') == page.count('type="radio"') > 0
