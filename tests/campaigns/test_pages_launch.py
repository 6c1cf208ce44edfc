"""The launch form: what it shows before, what it launches, and that it launches once."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from audiences import suppression
from audiences.models import Audience
from campaigns.models import Campaign, Playbook, WorkflowVersion
from common import clock
from integrations.models import SendingNumber
from tests import factories
from tests.accounts import making
from tests.accounts.making import signed_in
from tests.audiences import people

pytestmark = pytest.mark.django_db
URL, PREVIEW = reverse("campaigns:launch"), reverse("campaigns:preview")
HTMX = {"HX-Request": "true"}


@dataclass
class Ready:
    """An account that can launch, its CSR's browser, and a filled form."""

    account: Account
    client: Client
    version: WorkflowVersion
    audience: Audience
    number: SendingNumber

    def form(self, **changes: Any) -> dict[str, Any]:
        """What the browser would send."""
        filled: dict[str, Any] = {
            "token": str(uuid.uuid4()), "name": "Spring tune-ups", "workflow": self.version.pk,
            "audience": self.audience.pk, "number": self.number.pk, "playbook": "", "start": "now",
            "starts_at": "", "last_job_before": "", "last_job_after": "",
        }  # fmt: skip
        return filled | changes


@pytest.fixture
def ready() -> Ready:
    account = factories.make_account("Comfort Air")
    for number in range(3):
        factories.make_contact(account, f"+1312555010{number}", first_name=f"Pat{number}")
    return Ready(
        account,
        signed_in(factories.make_user(account, "csr")),
        factories.make_workflow(account, name="Tune-up season"),
        factories.make_audience(account, name="Everybody"),
        factories.make_number(account, segments_per_second=1),
    )


def test_the_form_offers_what_the_account_has(ready: Ready) -> None:
    elsewhere = factories.make_account("Another Plumber")
    factories.make_audience(elsewhere, name="Their people")
    factories.make_workflow(ready.account, publish=False, name="Not yet")
    factories.make_number(ready.account, "+13125550191", active=False, label="Switched off")
    page = ready.client.get(URL).content.decode()
    assert "Tune-up season (version 1)" in page and "Everybody" in page
    for absent in ("Their people", "Not yet", "Switched off"):
        assert absent not in page


def test_only_the_latest_published_version_is_offered(ready: Ready) -> None:
    factories.make_workflow(ready.account, workflow=ready.version.workflow)
    factories.make_workflow(ready.account, workflow=ready.version.workflow, publish=False)
    page = ready.client.get(URL).content.decode()
    assert "(version 2)" in page and "(version 1)" not in page and "(version 3)" not in page


def test_an_account_that_lacks_something_is_told() -> None:
    account = factories.make_account()
    page = signed_in(factories.make_user(account, "csr")).get(URL).content.decode()
    for words in ("a published workflow", "an audience", "an active sending number"):
        assert words in page


def test_launching_creates_the_campaign_and_leads_to_its_page(ready: Ready) -> None:
    playbook = Playbook.objects.create(account=ready.account, name="Seasonal")
    answer = ready.client.post(URL, ready.form(playbook=playbook.pk))
    campaign = Campaign.objects.get()
    assert answer.status_code == 302 and answer["Location"] == reverse(
        "analytics:campaign", args=[campaign.pk]
    )
    assert (campaign.name, campaign.playbook, campaign.status) == ("Spring tune-ups", playbook, "active")
    assert (campaign.version, campaign.number) == (ready.version, ready.number)
    assert campaign.launched_by is not None and campaign.targeting == {}
    assert "Spring tune-ups is launched" in ready.client.get(answer["Location"]).content.decode()


def test_htmx_is_told_to_leave_the_page(ready: Ready) -> None:
    answer = ready.client.post(URL, ready.form(), headers=HTMX)
    assert answer["HX-Redirect"] == reverse("analytics:campaign", args=[Campaign.objects.get().pk])


def test_a_second_click_launches_nothing_new(ready: Ready) -> None:
    form = ready.form()
    first, second = ready.client.post(URL, form), ready.client.post(URL, form)
    assert first["Location"] == second["Location"] and Campaign.objects.count() == 1
    ready.client.post(URL, ready.form())
    assert Campaign.objects.count() == 2, "another token is another launch"


def test_a_later_start_is_in_company_time(ready: Ready) -> None:
    at = (clock.now() + timedelta(days=3)).astimezone(ready.account.zone).replace(second=0, microsecond=0)
    ready.client.post(URL, ready.form(start="later", starts_at=at.strftime("%Y-%m-%dT%H:%M")))
    campaign = Campaign.objects.get()
    assert campaign.status == "scheduled" and campaign.starts_at == at


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "  "}, "This field is required"),
        ({"start": "later"}, "Choose when the campaign starts"),
        ({"start": "later", "starts_at": "2020-01-01T10:00"}, "This time has passed"),
        ({"start": "later", "starts_at": "2099-01-01T10:00"}, "more than a year ahead"),
        ({"last_job_after": "2026-01-01"}, "Nobody is in this audience with these filters"),
        ({"token": "no token"}, "Enter a valid UUID"),
    ],
)
def test_a_refused_launch_keeps_everything_typed(ready: Ready, changes: dict[str, Any], words: str) -> None:
    form = ready.form(**changes)
    if changes.get("name") is None:
        form["name"] = "Kept as typed"
    answer = ready.client.post(URL, form)
    page = answer.content.decode()
    assert answer.status_code == 422 and not Campaign.objects.exists()
    assert "Nothing was launched" in page and words in page
    assert form["name"].strip() in page
    assert f'<option value="{ready.audience.pk}" selected>' in page
    assert str(form["token"]) in page, "the next click is still the same launch"


def test_a_refusal_for_htmx_is_the_form_alone(ready: Ready) -> None:
    answer = ready.client.post(URL, ready.form(name=""), headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 422 and page.strip().startswith("<form") and "<html" not in page


def test_rows_of_another_account_are_no_choice(ready: Ready) -> None:
    elsewhere = factories.make_account()
    theirs = {
        "audience": factories.make_audience(elsewhere).pk,
        "number": factories.make_number(elsewhere, "+13125550177").pk,
        "workflow": factories.make_workflow(elsewhere).pk,
    }
    for name, pk in theirs.items():
        answer = ready.client.post(URL, ready.form(**{name: pk}))
        assert answer.status_code == 422 and "Select a valid choice" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_a_published_workflow_that_cannot_run_is_refused_with_the_reason(ready: Ready) -> None:
    broken = factories.make_workflow(ready.account, nodes=[("done", "end", {})], edges=[], publish=False)
    WorkflowVersion.objects.filter(pk=broken.pk).update(published_at=clock.now())
    answer = ready.client.post(URL, ready.form(workflow=broken.pk))
    assert answer.status_code == 422 and "Nothing in this workflow reaches anybody" in answer.content.decode()


def test_targeting_is_frozen_with_the_campaign(ready: Ready) -> None:
    unit = making.make_business_unit(ready.account)
    contact = ready.account.contacts.first()
    assert contact is not None
    people.job(contact, unit)
    ready.client.post(URL, ready.form(business_units=[unit.pk]))
    assert Campaign.objects.get().targeting == {"business_units": [unit.pk]}


def test_preview_counts_excludes_and_shows_real_samples(ready: Ready) -> None:
    first, second, _ = ready.account.contacts.order_by("pk")
    suppression.opt_out(factories.phone_of(first), channel="phone", source="text", now=clock.now())
    factories.make_contact(ready.account, factories.phone_of(second).value, first_name="Shares")
    page = ready.client.post(PREVIEW, ready.form()).content.decode()
    assert '<data class="tile__value" value="4">' in page and '<data class="tile__value" value="2">' in page
    assert "Opted out" in page and "Shares a phone with somebody already in" in page
    assert "Hi Pat1, Comfort Air here." in page and "Hi Pat0" not in page
    assert "Send to 2 contacts" in page and "less than a minute" not in page
    assert "<html" not in page and not Campaign.objects.exists()


def test_preview_says_which_field_is_missing(ready: Ready) -> None:
    version = factories.make_workflow(
        ready.account,
        nodes=[("text", "send_sms", {"body": "Your {{ last_job_type }}?"}), ("done", "end", {})],
        edges=[("text", "next", "done")],
    )
    page = ready.client.post(PREVIEW, ready.form(workflow=version.pk)).content.decode()
    assert "would be skipped" in page and "last job type" in page


def test_preview_before_anything_is_chosen(ready: Ready) -> None:
    page = ready.client.post(PREVIEW, {}).content.decode()
    assert "Choose an audience" in page and "Nothing was launched" not in page


def test_preview_narrowed_by_a_filter_counts_what_launching_would(ready: Ready) -> None:
    unit = making.make_business_unit(ready.account)
    contact = ready.account.contacts.first()
    assert contact is not None
    people.job(contact, unit)
    page = ready.client.post(PREVIEW, ready.form(business_units=[unit.pk], start="later")).content.decode()
    assert "Schedule for 1 contact" in page and "Schedule for 1 contacts" not in page


def test_an_agent_may_not_launch(ready: Ready) -> None:
    agent = signed_in(factories.make_user(ready.account, "agent"))
    for answer in (agent.get(URL), agent.post(URL, ready.form()), agent.post(PREVIEW, ready.form())):
        assert answer.status_code == 403
    assert not Campaign.objects.exists()
