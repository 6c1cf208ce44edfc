"""A number that cannot send the first texts before they are too late: said, counted and refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import capacity, launching
from campaigns.models import Campaign
from campaigns.terms import Terms
from common import clock
from tests import factories
from tests.campaigns.launch_form import Ready

pytestmark = pytest.mark.django_db
HOUR = 3600
WAITS_FIRST = (
    [("pause", "wait", {"minutes": 60}), ("text", "send_sms", {"body": "Hi"}), ("done", "end", {})],
    [("pause", "next", "text"), ("text", "next", "done")],
)


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        (datetime(2026, 12, 1, 16, tzinfo=UTC), 30.0),  # Tuesday 10:00 in Chicago, until Friday 10:00
        (datetime(2026, 12, 5, 16, tzinfo=UTC), 20.0),  # Saturday 10:00: no Sunday, Tuesday ends at 10:00
        (datetime(2026, 12, 6, 2, tzinfo=UTC), 20.0),  # Saturday 20:00: Monday and Tuesday
    ],
)
def test_what_a_number_can_send_in_time(ready: Ready, start: datetime, hours: float) -> None:
    able = capacity.sendable(ready.account, [ready.number], ready.version, start=start)
    assert able == hours * HOUR
    ready.number.segments_per_second = 3
    assert capacity.sendable(ready.account, [ready.number], ready.version, start=start) == 3 * hours * HOUR


def test_texts_after_a_wait_count_from_the_first_opening(ready: Ready) -> None:
    version = factories.make_workflow(ready.account, *WAITS_FIRST)
    saturday_evening = datetime(2026, 12, 6, 2, tzinfo=UTC)
    assert capacity.sendable(ready.account, [ready.number], version, start=saturday_evening) == 30 * HOUR


def next_tuesday() -> datetime:
    day = clock.now().astimezone(UTC) + timedelta(days=1)
    day += timedelta(days=(1 - day.weekday()) % 7)
    return day.replace(hour=18, minute=0, second=0, microsecond=0)


def test_a_launch_too_large_for_its_number_is_refused(ready: Ready) -> None:
    at = next_tuesday()
    draft = launching.Draft(
        "Wave", ready.version, ready.audience, ready.number, terms=Terms(send_by_hours=3 / HOUR)
    )
    assert launching.problems(ready.account, draft, now=clock.now(), at=at) == {}, "three in three seconds"
    draft = replace(draft, terms=Terms(send_by_hours=2 / HOUR))
    with pytest.raises(launching.LaunchRefused) as refused:
        launching.launch(ready.account, draft, by=None, now=clock.now(), at=at)
    (said,) = refused.value.errors["number"]
    assert "2 in the sending hours" in said and "needs 3" in said and "It takes 2 such numbers" in said
    assert not Campaign.objects.exists()


def test_a_pace_too_slow_for_the_audience_is_refused(ready: Ready) -> None:
    at = next_tuesday()
    draft = launching.Draft(
        "Wave", ready.version, ready.audience, ready.number, terms=Terms(texts_per_hour=1, send_by_hours=3)
    )
    assert launching.problems(ready.account, draft, now=clock.now(), at=at) == {}, "three in three hours"
    draft = replace(draft, terms=Terms(texts_per_hour=1, send_by_hours=2))
    (said,) = launching.problems(ready.account, draft, now=clock.now(), at=at)["number"]
    assert said.startswith("At most 1 text an hour leave: 2 in the sending hours")
    assert "(2 hours after it is due)" in said and "Let more texts leave an hour" in said


def test_a_pace_is_reckoned_in_texts_of_the_samples_length(ready: Ready) -> None:
    assert capacity.pace([ready.number], None) == ready.number.segments_per_second == 1
    assert capacity.pace([ready.number], 60) == 1 / 60
    assert capacity.pace([ready.number], 60, segments_each=3) == 1 / 20
    assert capacity.pace([ready.number], 100_000) == 1, "no faster than the number"


def test_the_review_says_so_and_offers_no_button(ready: Ready) -> None:
    at = next_tuesday().astimezone(ready.account.zone)
    chosen = {"start": "later", "starts_at": f"{at:%Y-%m-%dT%H:%M}", "texts_per_hour": 1}
    page = ready.fill(**chosen, send_by_hours=2)
    assert "This cannot be launched" in page and "At most 1 text an hour" in page
    assert "Schedule for" not in page
    answer = ready.post("review")
    assert answer.status_code == 422 and "Let more texts leave" in answer.content.decode()
    assert not Campaign.objects.exists() and ready.draft.fields["name"] == "Spring tune-ups"
    ready.post("time", **chosen, send_by_hours=3)
    page = ready.client.get(reverse("campaigns:launch_stage", args=["review"])).content.decode()
    assert "Schedule for 3 contacts" in page, "so late that all leave in time"
