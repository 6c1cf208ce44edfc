"""One draft becomes one campaign, whatever is posted at the same instant from wherever."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from campaigns import drafts, launching
from campaigns.models import Campaign, LaunchDraft
from conversations.models import Lane
from tests.campaigns.launch_form import Ready, at


@pytest.mark.django_db(transaction=True)
def test_two_posts_at_the_same_instant_launch_once(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.fill()
    form, cookies = ready.form("review"), ready.client.cookies
    together, check = Barrier(2, timeout=20), launching.problems

    def checked(*args: Any, **kwargs: Any) -> dict[str, list[str]]:
        together.wait()  # both have looked for an earlier launch by now, and found none
        return check(*args, **kwargs)

    def post(_: int) -> HttpResponse:
        client = Client()
        client.cookies = cookies
        try:
            return client.post(at("review"), form)
        finally:
            connection.close()

    monkeypatch.setattr(launching, "problems", checked)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(post, range(2))
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    assert Campaign.objects.count() == 1 and not LaunchDraft.objects.exists()
    assert Lane.objects.filter(kind=Lane.Kind.CAMPAIGN).count() == 1


@pytest.mark.django_db
def test_a_draft_that_cannot_be_forgotten_launches_nothing(
    ready: Ready,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready.fill()

    def broken(draft: LaunchDraft) -> None:
        raise ConnectionError("the database went away")

    monkeypatch.setattr(drafts, "discard", broken)
    with pytest.raises(ConnectionError):
        ready.post("review")
    assert not Campaign.objects.exists() and ready.draft.fields["name"] == "Spring tune-ups"


@pytest.mark.django_db
def test_what_another_window_changed_is_reviewed_before_it_is_sent(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    ready.post("workflow", name="Something else")
    answer = ready.client.post(at("review"), form)
    page = answer.content.decode()
    assert answer.status_code == 409 and "Look again, then send" in page
    assert not Campaign.objects.exists()
    assert ready.post("review").status_code == 302 and Campaign.objects.get().name == "Something else"


@pytest.mark.django_db
def test_an_audience_whose_rules_a_colleague_changed_is_reviewed_again(ready: Ready) -> None:
    ready.fill()
    form = ready.form("review")
    ready.audience.rules = {"kind": "residential"}
    ready.audience.save()
    answer = ready.client.post(at("review"), form)
    assert answer.status_code == 409 and not Campaign.objects.exists()


@pytest.mark.django_db
def test_a_review_of_a_draft_launched_meanwhile_is_no_error(ready: Ready) -> None:
    ready.fill()
    plan = drafts.Plan(ready.draft, now=ready.draft.updated_at)
    preview = plan.preview()
    assert preview is not None
    ready.post("review")
    drafts.review(plan, preview)
    drafts.fill(plan.draft, {"name": "Late"})
    assert not LaunchDraft.objects.exists()


@pytest.mark.django_db
def test_nul_is_not_kept(ready: Ready) -> None:
    ready.open()
    assert ready.post("workflow", name="Spring\0").status_code == 302
    assert ready.draft.fields["name"] == "Spring"
