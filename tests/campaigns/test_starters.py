"""Workflows to begin with: sound, short, and polite; begun and published by those who may."""

import pytest
from django.test import Client

from accounts.models import Role
from campaigns import editing, samples, starters, workflow_drafts
from campaigns.models import Workflow, WorkflowVersion
from campaigns.starters import STARTERS, Starter
from common import clock
from common.segments import count_segments
from conversations import rendering
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in

TEXTS = ("first_text", "member_text", "second_text", "booked_text", "not_booked_text")
EVERY = pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS)


@EVERY
@pytest.mark.parametrize("name", TEXTS)
def test_every_text_fits_one_segment_and_the_first_says_how_to_stop(starter: Starter, name: str) -> None:
    body = getattr(starter, name)
    if not body:
        pytest.skip("members get the same reminder")
    text = rendering.render(body, {"first_name": "Guadalupe", "company": "Prairie Home Comfort"})
    assert count_segments(text).count == 1, f"{len(text)} characters"
    assert ("STOP" in text) == (name == "first_text")


@EVERY
@pytest.mark.django_db
def test_only_a_plain_yes_has_a_way_on(starter: Starter) -> None:
    waits = {key for key, kind, _, _ in starters.nodes(starter) if kind == "wait_for_reply"}
    labels = {label for source, label, _ in starters.edges(starter) if source in waits}
    assert labels == {"booking_yes", "no_reply"}
    drawn = [(key, kind, settings) for key, kind, _, settings in starters.nodes(starter)]
    version = factories.make_workflow(factories.make_account(), drawn, starters.edges(starter))
    assert version.published_at is not None
    assert samples.first_text(version) == starter.first_text


@pytest.mark.parametrize("slug", ["estimate-follow-up", "membership-renewal"])
def test_who_never_answers_is_called_by_a_person(slug: str) -> None:
    starter = STARTERS[slug]
    (call,) = [settings for _, kind, _, settings in starters.nodes(starter) if kind == "call"]
    assert call["plan"]["mode"] == "person" and {"en", "es"} <= set(call["plan"]["words"])
    ways = {label: target for source, label, target in starters.edges(starter) if source == "call"}
    assert ways["booked"] == "booked_text" and ways["answered"] == "done"
    assert ways["next"] == ("last_email" if starter.last_email else "done")


@pytest.mark.django_db
def test_marketer_begins_twice_under_free_names_reads_and_publishes() -> None:
    account = make_account("Acme")
    client = signed_in(make_member(account, Role.MARKETER))
    assert "Begin a draft" in client.get("/workflows/").content.decode()
    for _ in range(2):
        answer = client.post("/workflows/begin/tune-up-season/", follow=True)
    names = Workflow.objects.filter(account=account).order_by("pk").values_list("name", flat=True)
    assert list(names) == ["Tune-up season", "Tune-up season 2"]
    workflow = Workflow.objects.get(name="Tune-up season 2")
    assert answer.redirect_chain[-1][0] == f"/workflows/{workflow.pk}/edit/"
    assert "Draft, never published" in answer.content.decode()
    version = WorkflowVersion.objects.get(workflow__name="Tune-up season 2")
    page = client.post(f"/workflows/{version.pk}/publish/", follow=True).content.decode()
    assert "is published" in page and "Publish version" not in page
    version.refresh_from_db()
    assert version.published_at is not None
    assert client.post("/workflows/begin/no-such/").status_code == 404


@pytest.mark.django_db
def test_a_version_that_the_editor_has_overtaken_is_not_published_without_what_was_edited() -> None:
    account = make_account("Acme")
    by = make_member(account, Role.MARKETER)
    version = starters.begin(account, starters.TUNE_UP, by=None, now=clock.now())
    workflow_drafts.apply(
        version.workflow, lambda drawn: editing.change(drawn, "first_text", name="Hello"), said="Renamed",
        revision=0, by=by, now=clock.now(),
    )  # fmt: skip
    answer = signed_in(by).post(f"/workflows/{version.pk}/publish/")
    assert answer.headers["Location"] == f"/workflows/{version.workflow_id}/edit/publish/"
    version.refresh_from_db()
    assert version.published_at is None


@pytest.mark.django_db
def test_draft_with_a_fault_stays_a_draft_and_says_why() -> None:
    account = make_account("Acme")
    client = signed_in(make_member(account, Role.ADMIN))
    version = starters.begin(account, starters.TUNE_UP, by=None, now=clock.now())
    version.nodes.get(key="first_text").edges_out.all().delete()
    page = client.post(f"/workflows/{version.pk}/publish/", follow=True).content.decode()
    assert "Not published:" in page
    version.refresh_from_db()
    assert version.published_at is None


@pytest.mark.django_db
def test_who_may_only_look_sees_no_buttons() -> None:
    account = make_account("Acme")
    client: Client = signed_in(make_member(account, Role.CSR))
    assert "Begin a draft" not in client.get("/workflows/").content.decode()
    assert client.post("/workflows/begin/tune-up-season/").status_code == 403
