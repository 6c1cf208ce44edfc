"""What a number's registration and limits mean: said in Settings, held at launches."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns import capacity, launching
from campaigns.models import Campaign
from common import clock
from integrations import carrier_limits, number_days, registration
from integrations.models import Connection, SendingNumber
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launch_form import Ready

pytestmark = pytest.mark.django_db
State = SendingNumber.Registration


def real(number: SendingNumber, **fields: object) -> SendingNumber:
    """Connect the number's account to a carrier in earnest, and set fields of the number."""
    Connection.objects.filter(pk=number.connection_id).update(settings={"account_sid": "AC" + "1" * 32})
    SendingNumber.objects.filter(pk=number.pk).update(**fields)
    return SendingNumber.objects.select_related("connection").get(pk=number.pk)


def post(client: Client, number: SendingNumber, **fields: object) -> str:
    row = {"label": "Office", "segments_per_second": 1, "registration": "registered", **fields}
    answer = client.post(reverse("campaigns:number", args=[number.pk]), row, follow=True)
    return answer.content.decode()


def test_kinds_follow_from_digits() -> None:
    kinds = [
        carrier_limits.kind_of(e164) for e164 in ("+13125550190", "+18335550190", "55501", "+4420794600")
    ]
    assert kinds == ["local", "toll_free", "short_code", "local"]


def test_limits_are_reviewed_and_complete() -> None:
    assert {limit.kind for limit in carrier_limits.LIMITS} == {"local", "toll_free", "short_code"}
    assert all(limit.source and limit.per_second * 60 <= max(limit.per_minute, 60)
               for limit in carrier_limits.LIMITS)  # fmt: skip
    caps = [limit.per_day for limit in carrier_limits.of_kind("local")]
    assert caps == [2_000, 2_000, 10_000, 40_000, 200_000]


@pytest.mark.parametrize(
    ("state", "said"),
    [(State.NOT_REGISTERED, "is not registered"), (State.REJECTED, "was rejected"),
     (State.PENDING, "is pending"), (State.REGISTERED, ""), (State.UNKNOWN, "")],
)  # fmt: skip
def test_what_may_be_launched_from(ready: Ready, state: str, said: str) -> None:
    number = real(ready.number, registration=state)
    draft = launching.Draft("Wave", ready.version, ready.audience, number)
    found = launching.problems(ready.account, draft, now=clock.now()).get("number", [])
    assert (said in " ".join(found)) if said else not found
    assert bool(registration.warning(number)) is (state == State.UNKNOWN)


def test_a_simulated_number_needs_none(ready: Ready) -> None:
    SendingNumber.objects.update(registration=State.REJECTED)
    number = SendingNumber.objects.get(pk=ready.number.pk)
    assert number.registration_state == State.NOT_NEEDED
    draft = launching.Draft("Wave", ready.version, ready.audience, number)
    assert launching.problems(ready.account, draft, now=clock.now()) == {}


def test_the_review_says_why_and_where(ready: Ready) -> None:
    real(ready.number, registration=State.REJECTED)
    words = ready.fill()
    assert "This cannot be launched." in words and "was rejected" in words
    assert reverse("campaigns:number", args=[ready.number.pk]) not in words, "a CSR cannot open it"
    assert not Campaign.objects.exists()


def test_an_admin_records_what_the_provider_shows(ready: Ready) -> None:
    number = real(ready.number)
    person = factories.make_user(ready.account, name="Ruth Ad")
    client = signed_in(person)
    page = client.get(reverse("campaigns:number", args=[number.pk])).content.decode()
    assert "Not known" in page and "Carriers block unregistered numbers" in page
    words = post(client, number, brand_id="BN12", limit_class="score_25_49", segments_per_second=4)
    assert "Registered" in words and "BN12" in words and "10,000" in words and "Ruth Ad" in words
    number.refresh_from_db()
    assert (number.registration, number.daily_cap, number.checked_by) == ("registered", 10_000, person)
    entry = AuditEntry.objects.get(verb="changed_number")
    assert entry.detail["registration"] == "unknown → registered"
    post(client, number, brand_id="BN12", limit_class="score_25_49", segments_per_second=4, daily_cap=10_000)
    assert AuditEntry.objects.filter(verb="changed_number").count() == 1, "nothing was changed"


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"limit_class": "low_volume", "segments_per_second": 2}, "at most 1 segment a second"),
     ({"limit_class": "score_50_74", "segments_per_second": 41}, "at most 40 segments a second"),
     ({"limit_class": "score_50_74", "daily_cap": 40_001}, "carriers take at most 40,000 a day"),
     ({"limit_class": "toll_free"}, "Select a valid choice"),
     ({"registration": "not_needed"}, "Select a valid choice"),
     ({"daily_cap": 0}, "Type 1 or more")],
)  # fmt: skip
def test_what_carriers_do_not_take_is_refused(ready: Ready, fields: dict[str, object], said: str) -> None:
    number = real(ready.number)
    client = signed_in(factories.make_user(ready.account))
    assert said in post(client, number, **fields)
    assert SendingNumber.objects.get(pk=number.pk).label == ready.number.label


def test_a_daily_cap_stretches_a_launch_over_days(ready: Ready) -> None:
    SendingNumber.objects.filter(pk=ready.number.pk).update(daily_cap=2_000)
    number = SendingNumber.objects.get(pk=ready.number.pk)
    tuesday = datetime(2026, 12, 1, 16, tzinfo=UTC)  # 10:00 in Chicago
    assert capacity.sendable(ready.account, [number], ready.version, start=tuesday) == 4 * 2_000  # to Friday
    first, last = capacity.sending_span(ready.account, [number], 3_400, start=tuesday)
    assert first == tuesday
    assert last is not None and last.astimezone(ready.account.zone).day == 2
    assert "2,000 segments a day: your 3,400 need 2 days" in capacity.days_needed([number], 3_400)
    assert capacity.days_needed([number], 2_000) == ""


def test_what_has_left_today_is_taken_off(ready: Ready) -> None:
    SendingNumber.objects.filter(pk=ready.number.pk).update(daily_cap=100)
    number = SendingNumber.objects.get(pk=ready.number.pk)
    number_days.count({number.pk: 70}, clock.now())
    assert number_days.left_of(number, clock.now()) == 30
    spans = capacity.spans_of(ready.account, [number], start=clock.now())
    today = carrier_limits.carrier_day(clock.now())
    assert sum(s.segments for s in spans if carrier_limits.carrier_day(s.opens) == today) <= 30


def test_the_review_tells_the_days(ready: Ready) -> None:
    SendingNumber.objects.filter(pk=ready.number.pk).update(daily_cap=2)
    assert "This number may send 2 segments a day: your 3 need 2 days" in ready.fill()


def test_the_choice_of_a_number_says_what_holds_it_back(ready: Ready) -> None:
    real(ready.number, registration=State.PENDING, daily_cap=2_000)
    ready.open()
    ready.post("workflow")
    ready.post("audience")
    words = ready.client.get(reverse("campaigns:launch_stage", args=["sender"])).content.decode()
    assert "at most 2,000 segments a day" in words and "Pending" in words
