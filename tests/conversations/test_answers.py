"""A text that answers what a customer has just written is free of caps, once."""

from datetime import UTC, datetime, timedelta

import pytest

from audiences import hours
from conversations import claiming
from conversations.models import Lane, Message
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
MINUTE = timedelta(minutes=1)


class Story:
    """One customer whose home has had its two touches of today, a minute and three minutes ago."""

    def __init__(self) -> None:
        self.account = factories.make_account()
        self.contact = factories.make_contact(self.account)
        self.address = factories.phone_of(self.contact)
        self.number = factories.make_number(self.account)
        self.lane = self.make_lane()
        self.texts = [self.sent(NOON - 3 * MINUTE), self.sent(NOON - MINUTE)]

    def make_lane(self) -> Lane:
        window = hours.default_window()
        return Lane.objects.create(
            account=self.account, kind=Lane.Kind.CAMPAIGN, name="Tune-ups", window=window
        )

    def make(self, **fields) -> Message:
        fields = {"account": self.account, "contact": self.contact, "address": self.address} | fields
        return Message.objects.create(number=self.number, state_at=NOON, body="Hello", **fields)

    def sent(self, at: datetime) -> Message:
        return self.make(lane=self.lane, kind="campaign", state="delivered", created_at=at, accepted_at=at)

    def replies(self, to: Message, at: datetime) -> Message:
        return self.make(kind="inbound", state="received", created_at=at, replies_to=to)

    def may_leave(
        self, at: datetime = NOON, created_at: datetime | None = None, lane: Lane | None = None
    ) -> bool:
        text = self.make(
            lane=lane or self.lane, kind="campaign", state="queued", created_at=created_at or at, due_at=at
        )
        claims = claiming.claim([text.pk], now=at)
        text.refresh_from_db()
        assert (text.state == "calling") == bool(claims)
        return bool(claims)


@pytest.fixture
def story() -> Story:
    return Story()


def test_without_a_reply_the_third_touch_of_a_home_waits(story):
    assert not story.may_leave()


def test_the_answer_to_a_reply_leaves_once(story):
    story.replies(story.texts[1], NOON - MINUTE / 2)
    assert story.may_leave()
    assert not story.may_leave()  # the first may be on its way; a second one answers nothing


def test_nothing_sent_since_is_an_answer(story):
    story.replies(story.texts[0], NOON - 2 * MINUTE)
    assert not story.may_leave()


def test_a_text_queued_before_the_reply_answers_nothing(story):
    story.replies(story.texts[1], NOON - MINUTE / 2)
    assert not story.may_leave(created_at=NOON - MINUTE)


def test_a_reply_to_one_campaign_frees_no_other(story):
    story.replies(story.texts[1], NOON - MINUTE / 2)
    assert not story.may_leave(lane=story.make_lane())


@pytest.mark.parametrize(("hours_ago", "leaves"), [(23, True), (25, False)])
def test_an_answer_is_one_for_a_day(story, hours_ago, leaves):
    # The touches of today went to another phone of the home; this one was texted and answered yesterday.
    spouse = factories.make_contact(story.account, "+13125550102", household=story.contact.household)
    Message.objects.update(contact=spouse, address=factories.phone_of(spouse))
    asked = story.sent(NOON - timedelta(hours=30))
    story.replies(asked, NOON - timedelta(hours=hours_ago))
    assert story.may_leave() is leaves
