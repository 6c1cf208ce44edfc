"""The creation modal: its stages, the draft behind them, the review, and that it launches once."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from audiences import suppression
from campaigns import drafts
from campaigns.models import Campaign, LaunchDraft, Playbook, WorkflowVersion
from common import clock
from integrations.models import SendingNumber
from tests import factories
from tests.accounts import making
from tests.accounts.making import signed_in
from tests.audiences import people
from tests.campaigns.launch_form import DISCARD, FORMS, MODAL, URL, Ready, at, condition, with_unit

pytestmark = pytest.mark.django_db


def test_each_stage_offers_what_the_account_has(ready: Ready) -> None:
    elsewhere = factories.make_account("Another Plumber")
    factories.make_audience(elsewhere, name="Their people")
    factories.make_workflow(elsewhere, name="Their workflow")
    factories.make_workflow(ready.account, publish=False, name="Not yet")
    factories.make_number(ready.account, "+13125550191", active=False, label="Switched off")
    pages = [ready.fill(stage) for stage in FORMS]
    assert "Tune-up season (version 1)" in pages[0] and "Everybody" in pages[1]
    assert "(312) 555-0190" in pages[2] and "3,600 short texts an hour" in pages[2]
    assert "9:00 am to 7:00 pm, Monday to Saturday" in pages[3]
    for absent in ("Their people", "Their workflow", "Not yet", "Switched off"):
        assert absent not in "".join(pages)


def test_only_the_latest_published_version_is_offered(ready: Ready) -> None:
    factories.make_workflow(ready.account, workflow=ready.version.workflow)
    factories.make_workflow(ready.account, workflow=ready.version.workflow, publish=False)
    page = ready.open()
    assert "(version 2)" in page and "(version 1)" not in page and "(version 3)" not in page


def test_an_account_that_lacks_something_is_told() -> None:
    account = factories.make_account()
    page = signed_in(factories.make_user(account, "csr")).get(URL).content.decode()
    assert "There is no published workflow yet" in page


def test_launching_creates_the_campaign_and_leads_to_its_page(ready: Ready) -> None:
    playbook = Playbook.objects.create(account=ready.account, name="Seasonal")
    page = ready.fill(playbook=playbook.pk)
    assert "Send to 3 contacts" in page
    answer = ready.post("review")
    campaign = Campaign.objects.get()
    assert answer.status_code == 302 and answer["Location"] == reverse(
        "analytics:campaign", args=[campaign.pk]
    )
    assert (campaign.name, campaign.playbook, campaign.status) == ("Spring tune-ups", playbook, "scheduled")
    assert (campaign.version, campaign.number) == (ready.version, ready.number)
    assert campaign.launched_by is not None and campaign.targeting == {}
    assert "is launched to 3 contacts" in ready.client.get(answer["Location"]).content.decode()
    assert not LaunchDraft.objects.exists()


def test_htmx_is_told_to_leave_the_page(ready: Ready) -> None:
    ready.fill()
    answer = ready.post("review", headers=MODAL)
    assert answer["HX-Redirect"] == reverse("analytics:campaign", args=[Campaign.objects.get().pk])


def test_a_second_click_launches_nothing_new_and_leads_to_the_same_campaign(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    first, second = (ready.client.post(at("review"), form) for _ in range(2))
    assert first["Location"] == second["Location"] and Campaign.objects.count() == 1
    ready.fill()
    again = ready.client.post(at("audience"), {**form, "audience": ready.audience.pk})
    assert again["Location"] == first["Location"], "another tab of the launched draft"
    assert Campaign.objects.count() == 1 and ready.draft.name == "Spring tune-ups"


def test_a_discarded_draft_in_another_tab_says_so(ready: Ready) -> None:
    ready.fill("audience")
    form = ready.form("audience")
    ready.client.post(DISCARD)
    answer = ready.client.post(at("audience"), form)
    assert answer.status_code == 409 and "was discarded or launched elsewhere" in answer.content.decode()
    assert not ready.draft.begun


@pytest.mark.parametrize(
    ("stage", "wrong", "words"),
    [
        ("workflow", {"name": ""}, "Give the campaign a name"),
        ("workflow", {"workflow": ""}, "Choose what is sent"),
        ("audience", {"audience": ""}, "Choose who gets it"),
        ("audience", condition("0", "last_job", "before", value="soon"), "Last job: "),
        ("sender", {"number": []}, "Choose the number that sends"),
        ("time", {"start": "later"}, "Choose when the campaign starts"),
        ("time", {"start": "later", "starts_at": "2001-01-01T10:00"}, "This time has passed"),
        ("time", {"start": "later", "starts_at": "2101-01-01T10:00"}, "more than a year ahead"),
    ],
)
def test_a_stage_that_does_not_hold_says_why_and_keeps_everything(
    ready: Ready, stage: str, wrong: dict[str, Any], words: str
) -> None:
    ready.fill(stage)
    answer = ready.post(stage, headers=MODAL, **wrong)
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page
    assert 'id="error-summary"' in page and 'aria-invalid="true"' in page and "<html" not in page
    name, value = list(wrong.items())[-1]
    kept = ready.draft.fields["targeting"]["rules"][0]["value"] if "r-" in name else ready.draft.fields[name]
    assert kept == value, "wrong values are kept, too"
    assert ready.draft.fields["name"] == wrong.get("name", "Spring tune-ups")


def test_a_stage_too_early_shows_the_one_that_is_next(ready: Ready) -> None:
    ready.open()
    page = ready.client.get(at("review")).content.decode()
    assert "What do you want to send?" in page and "Send to" not in page
    answer = ready.client.post(at("review"), {"token": str(ready.draft.token)})
    assert answer.status_code == 422 and not Campaign.objects.exists()


def test_going_back_keeps_what_was_typed_even_if_wrong(ready: Ready) -> None:
    ready.fill("time")
    answer = ready.post("time", headers=MODAL, start="later", starts_at="", go="workflow")
    page = answer.content.decode()
    assert answer.status_code == 200 and "What do you want to send?" in page
    assert 'value="Spring tune-ups"' in page and "error-summary" not in page
    page = ready.post("workflow", headers=MODAL, go="time").content.decode()
    assert re.search(r'<input(?=[^>]* checked)[^>]* value="later"', page)


def test_a_later_stage_cannot_be_reached_past_a_wrong_one(ready: Ready) -> None:
    ready.fill()
    answer = ready.post("workflow", headers=MODAL, name="", go="review")
    assert answer.status_code == 422 and "Give the campaign a name" in answer.content.decode()


def test_what_is_typed_is_kept_and_continued(ready: Ready) -> None:
    ready.open()
    keep = reverse("campaigns:launch_keep", args=["workflow"])
    page = ready.client.post(keep, ready.form("workflow", name="Half a na")).content.decode()
    assert "Half a na" in page and "Hi {{ first_name }}" in page and "Wait for a reply" in page
    quiet = ready.client.post(f"{keep}?quiet=1", ready.form("workflow", name="Half a name"))
    assert quiet.status_code == 204
    page = ready.open(**MODAL)
    assert "You are continuing your draft" in page and 'value="Half a name"' in page
    assert "Start over" in page and "<html" not in page
    page = ready.client.post(DISCARD, headers=MODAL).content.decode()
    assert "Half a name" not in page and "continuing" not in page


def test_reopening_goes_on_where_one_was(ready: Ready) -> None:
    ready.fill("sender")
    assert "Which number sends it?" in ready.open()


def test_an_empty_draft_is_no_draft_to_continue(ready: Ready) -> None:
    ready.open()
    assert "continuing your draft" not in ready.open()


def test_drafts_are_each_persons_own(ready: Ready) -> None:
    ready.fill("sender")
    other = signed_in(factories.make_user(ready.account, "marketer"))
    assert "Spring tune-ups" not in other.get(URL).content.decode()
    assert LaunchDraft.objects.count() == 2


def test_rows_of_another_account_are_no_choice(ready: Ready) -> None:
    elsewhere = factories.make_account()
    theirs = [
        ("workflow", "workflow", factories.make_workflow(elsewhere).pk, "is no longer offered"),
        ("audience", "audience", factories.make_audience(elsewhere).pk, "The audience you chose is gone"),
        ("sender", "number", factories.make_number(elsewhere, "+13125550177").pk, "aria-invalid"),
    ]
    for stage, name, pk, words in theirs:
        ready.fill(stage)
        answer = ready.post(stage, **{name: pk})
        assert answer.status_code == 422 and words in answer.content.decode()
        ready.client.post(DISCARD)


def test_a_number_switched_off_meanwhile_is_asked_for_again(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    SendingNumber.objects.update(active=False)
    answer = ready.client.post(at("review"), form)
    assert answer.status_code == 422 and "Which number sends it?" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_a_published_workflow_that_cannot_run_is_refused_with_the_reason(ready: Ready) -> None:
    broken = factories.make_workflow(ready.account, nodes=[("done", "end", {})], edges=[], publish=False)
    WorkflowVersion.objects.filter(pk=broken.pk).update(published_at=clock.now())
    ready.fill(workflow=broken.pk)
    answer = ready.post("review")
    assert answer.status_code == 422 and "Nothing in this workflow reaches anybody" in answer.content.decode()


def test_the_review_counts_excludes_and_shows_real_samples(ready: Ready) -> None:
    first, second, _ = ready.account.contacts.order_by("pk")
    suppression.opt_out(factories.phone_of(first), channel="phone", source="text", now=clock.now())
    factories.make_contact(ready.account, factories.phone_of(second).value, first_name="Shares")
    page = ready.fill()
    assert '<data value="2">2</data>' in page and "of 4 in the audience" in page
    assert "Opted out" in page and "Shares a phone with somebody already in" in page
    assert "Hi Pat1, Comfort Air here." in page and "Hi Pat0" not in page
    assert "Send to 2 contacts" in page and not Campaign.objects.exists()
    assert ready.draft.reviewed["admitted"] == 2 and ready.draft.reviewed["matched"] == 4


def test_a_text_behind_a_call_has_no_time_yet(ready: Ready) -> None:
    text = ("text", "send_sms", {"body": "We tried to call you."})
    call = ("call", "call", {"plan": {"words": {"en": "Hi"}}})
    edges = [("call", "no_answer", "text"), ("call", "next", "done"), ("text", "next", "done")]
    called = factories.make_workflow(ready.account, nodes=[call, text, ("done", "end", {})], edges=edges)
    page = ready.fill(workflow=called.pk)
    assert "First texts, at most" in page and "<dt>First text</dt>" not in page
    ready.client.post(DISCARD)
    assert "<dt>First text</dt>" in ready.fill() and "First texts, at most" not in ready.fill()


def test_the_review_says_which_field_is_missing(ready: Ready) -> None:
    version = factories.make_workflow(
        ready.account,
        nodes=[("text", "send_sms", {"body": "Your {{ last_job_type }}?"}), ("done", "end", {})],
        edges=[("text", "next", "done")],
    )
    page = ready.fill(workflow=version.pk)
    assert "Would be skipped" in page and "Nothing is known for: last job’s type" in page
    assert "3 customers will be skipped where a message needs it: no last job’s type." in page


def test_nobody_to_send_to_leaves_no_button(ready: Ready) -> None:
    unit = making.make_business_unit(ready.account)
    page = ready.fill(**with_unit(unit.pk))
    assert "Nobody would get this" in page and "Send to" not in page
    assert ready.post("review").status_code == 422 and not Campaign.objects.exists()


def test_filters_narrow_the_count_and_are_frozen_with_the_campaign(ready: Ready) -> None:
    unit = making.make_business_unit(ready.account)
    contact = ready.account.contacts.first()
    assert contact is not None
    people.job(contact, unit)
    ready.fill("audience")
    keep = reverse("campaigns:launch_keep", args=["audience"])
    counted = ready.client.post(keep, ready.form("audience", **with_unit(unit.pk))).content.decode()
    assert '<data class="launch__big" value="1">1</data> contact would get it' in counted
    later = f"{clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"
    page = ready.fill(**with_unit(unit.pk), start="later", starts_at=later)
    assert "Schedule for 1 contact" in page and "Schedule for 1 contacts" not in page
    ready.post("review")
    campaign = Campaign.objects.get()
    asked = {"field": "job.unit", "is": "any_of", "value": [unit.pk]}
    assert campaign.targeting["rules"] == [{"match": "all", "of": "job", "rules": [asked]}]
    assert campaign.status == "scheduled" and "Has a job with business unit: " in page


def test_a_changed_audience_is_reviewed_again_before_anything_is_sent(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    contact = ready.account.contacts.first()
    assert contact is not None
    suppression.opt_out(factories.phone_of(contact), channel="phone", source="text", now=clock.now())
    answer = ready.client.post(at("review"), form, headers=MODAL)
    page = answer.content.decode()
    assert answer.status_code == 409 and not Campaign.objects.exists()
    assert "has changed since you reviewed it" in page and "Would get it: 3 before, 2 now" in page
    assert "Opted out: 0 before, 1 now" in page and "Send to 2 contacts" in page
    ready.post("review")
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("before", "now", "much"),
    [(1000, 1040, False), (1000, 950, False), (100, 94, True), (10_000, 9_949, True)],
)
def test_a_little_change_is_let_through(before: int, now: int, much: bool) -> None:
    assert drafts.changed_much(before, now) is much


def test_many_contacts_are_sent_to_only_after_their_number_was_typed(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "TYPED_ABOVE", 2)
    assert "Type 3 to confirm" in ready.fill()
    for typed in ("", "4"):
        answer = ready.post("review", typed=typed)
        assert answer.status_code == 409 and "Type the number of contacts" in answer.content.decode()
    assert not Campaign.objects.exists()
    assert ready.post("review", typed=" 3").status_code == 302 and Campaign.objects.count() == 1


def test_a_campaign_is_a_template_of_another(ready: Ready) -> None:
    ready.fill()
    ready.post("review")
    campaign = Campaign.objects.get()
    newer = factories.make_workflow(ready.account, workflow=ready.version.workflow)
    page = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL).content.decode()
    assert 'value="Copy of Spring tune-ups"' in page and f'<option value="{newer.pk}" selected>' in page
    assert ready.draft.fields["audience"] == str(ready.audience.pk)
    assert "It ran version 1" in page and "The start. Choose when it begins." in page
    again = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL).content.decode()
    assert "There is one draft at a time" in again and "Replace it" in again
    ready.client.post(
        reverse("campaigns:launch_keep", args=["workflow"]), ready.form("workflow", name="Mine")
    )
    replaced = ready.client.post(f"{DISCARD}?from={campaign.pk}", headers=MODAL).content.decode()
    assert 'value="Copy of Spring tune-ups"' in replaced and ready.draft.name == "Copy of Spring tune-ups"
    stranger = signed_in(factories.make_user(factories.make_account(), "csr"))
    assert stranger.get(f"{URL}?from={campaign.pk}").status_code == 404


def test_a_clone_says_what_was_not_copied(ready: Ready) -> None:
    ready.fill()
    ready.post("review")
    campaign = Campaign.objects.get()
    SendingNumber.objects.filter(pk=campaign.number_id).update(active=False)
    Campaign.objects.update(joins_until=clock.now())
    page = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL).content.decode()
    assert "it no longer sends. Choose another." in page and "The last day for late joiners." in page
    assert ready.draft.fields["number"] == [] and "rules of" not in page
    drafts.discard(ready.draft)
    ready.audience.rules = {"all": []}
    ready.audience.save()
    page = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL).content.decode()
    assert "were changed since that launch" in page
    assert Campaign.objects.count() == 1


def test_an_audience_leads_to_a_campaign_for_it(ready: Ready) -> None:
    ready.client.get(f"{URL}?audience={ready.audience.pk}")
    assert ready.draft.fields == {"audience": str(ready.audience.pk)}


@pytest.mark.parametrize(
    ("role", "may"), [("csr", True), ("marketer", True), ("admin", True), ("agent", False)]
)
def test_who_may_launch(ready: Ready, role: str, may: bool) -> None:
    client = signed_in(factories.make_user(ready.account, role))
    keep = reverse("campaigns:launch_keep", args=["workflow"])
    answers = [client.get(URL), client.get(at("audience")), client.post(keep), client.post(DISCARD)]
    assert [answer.status_code == 403 for answer in answers] == [not may] * 4
    assert client.post(at("review"), {"token": str(uuid4())}).status_code == (409 if may else 403)
    assert not Campaign.objects.exists()


def test_a_stage_that_does_not_exist(ready: Ready) -> None:
    assert ready.client.get(at("nonsense")).status_code == 404


def test_a_change_looks_again_at_what_was_said_to_be_wrong_and_at_nothing_else(ready: Ready) -> None:
    ready.fill("time")
    again = reverse("campaigns:launch_keep", args=["time"]) + "?quiet=1"

    def answer(told: list[str], **typed: Any) -> Any:
        return ready.client.post(again, ready.form("time", wrong=told, **typed))

    assert answer([], start="later", texts_per_hour="-1").status_code == 204, (
        "nobody was told of anything yet"
    )
    page = answer(["texts_per_hour"], start="later", texts_per_hour="-1").text
    assert 'id="id_texts_per_hour_error"' in page and 'aria-invalid="true"' in page
    assert "id_starts_at" not in page and "Choose when" not in page
    told = ["texts_per_hour", "start", "first", "exits", "joining"]
    page = answer(told, start="later", texts_per_hour="60").text
    assert "field__error" not in page and "Nothing is missing any more" in page
    assert all(f'"#id_{name}_field"' in page and f'id="id_{name}_field"' in page for name in told)
    assert ready.draft.fields["texts_per_hour"] == "60"
    assert answer(["start"], token="gone").status_code == 204
    review = reverse("campaigns:launch_keep", args=["review"]) + "?quiet=1"
    assert ready.client.post(review, ready.form("time", wrong=["start"])).status_code == 204
