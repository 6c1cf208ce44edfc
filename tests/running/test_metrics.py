"""/metrics: the figures agree with the rows, and only this machine or a token sees them."""

from datetime import timedelta

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.management.commands.issue_token import parse_scopes
from accounts.models import ApiToken
from analytics.models import CounterDelta
from campaigns import engine, enrolling, launching
from campaigns.models import Step
from common import clock
from conversations.models import Listening, Message
from integrations import inbox
from tests import factories

pytestmark = pytest.mark.django_db
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


def figures() -> dict[str, float]:
    answer = Client().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {sample.name.removeprefix("truckroll_"): sample.value for f in families for sample in f.samples}


def test_nothing_waits_in_an_empty_product() -> None:
    assert set(figures().values()) == {0.0}
    assert len(figures()) == 11


@pytest.mark.usefixtures("noon")
def test_what_waits_is_counted_with_its_age() -> None:
    account, now, hour_ago = factories.make_account(), clock.now(), clock.now() - timedelta(hours=1)
    for index in range(3):
        factories.make_contact(account, f"+131255501{index:02}")
    draft = launching.Draft(
        name="Tune-ups",
        version=factories.make_workflow(account),
        audience=factories.make_audience(account),
        number=factories.make_number(account),
    )
    campaign = launching.launch(account, draft, by=None, now=now)
    enrolling.enroll(campaign, now=now)
    Step.objects.update(due_at=hour_ago)
    inbox.record(inbox.IncomingEvent(provider="twilio", event_id="SM1", kind="message_status", payload={}))
    seen = figures()
    assert 3600 <= seen["ready_steps_oldest_seconds"] < 3700
    assert (seen["undrained_events"], seen["queued_messages"]) == (1, 0)
    engine.run_round(now=now)
    Message.objects.filter(pk__in=Message.objects.values("pk")[:1]).update(
        state="unknown", state_at=hour_ago, claimed_at=hour_ago, body="Hi"
    )
    seen = figures()
    assert (seen["queued_messages"], seen["unknown_messages"]) == (2, 1)
    assert 3600 <= seen["unknown_messages_oldest_seconds"] < 3700
    assert seen["ready_steps_oldest_seconds"] == 0
    assert seen["unsquashed_deltas"] == CounterDelta.objects.count() > 0
    years_ago = now - timedelta(days=2000)  # a sign of life is on the real clock
    Listening.objects.create(account=account, alive_at=years_ago, heard_until=hour_ago, listed_at=years_ago)
    assert figures()["deaf_accounts"] == 1


@pytest.mark.parametrize("scopes", [["metrics"], ["all"]])
def test_a_token_opens_it_from_elsewhere(scopes: list[str]) -> None:
    account = factories.make_account()
    token, secret = ApiToken.objects.issue(
        account=account, by=factories.make_user(account, "admin"), name="Prometheus", scopes=scopes
    )
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/metrics", headers=headers, **ELSEWHERE).status_code == 200
    ApiToken.objects.filter(pk=token.pk).update(scopes=["view"])
    assert Client().get("/metrics", headers=headers, **ELSEWHERE).status_code == 404
    assert parse_scopes("metrics") == ["metrics"]


@pytest.mark.parametrize(
    ("headers", "extra"),
    [
        ({}, ELSEWHERE),
        ({"Authorization": "Bearer truckroll_guessed"}, ELSEWHERE),
        ({"X-Forwarded-For": "127.0.0.1"}, ELSEWHERE),
        ({"X-Forwarded-For": "203.0.113.9"}, {}),  # a proxy on this machine speaks for others
    ],
)
def test_for_others_nothing_is_here(headers: dict[str, str], extra: dict[str, str]) -> None:
    answer = Client().get("/metrics", headers=headers, **extra)
    assert answer.status_code == 404
    assert b"truckroll_" not in answer.content
