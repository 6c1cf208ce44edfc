"""A text that cannot be filled is skipped with words a person can read, and holds up nobody."""

from datetime import UTC, datetime

import pytest

from audiences import hours
from conversations import claiming, outbound, rendering
from conversations.models import Lane, Message
from tests import factories

NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
LONG = "Hi {{ first_name }}, " + "we still have visits open this week. " * 30 + "{{ last_job_type }}"


def test_what_is_missing_is_named_and_the_text_is_not_quoted():
    with pytest.raises(rendering.MergeFieldMissing) as missing:
        rendering.render(LONG, {"first_name": "", "company": "Prairie"})
    assert str(missing.value) == "Nothing is known for: first name, last job’s type"


@pytest.mark.django_db
def test_a_text_that_cannot_be_filled_lets_the_others_of_its_batch_leave():
    account = factories.make_account()
    number = factories.make_number(account)
    lane = Lane.objects.create(
        account=account, kind=Lane.Kind.CAMPAIGN, name="Lane", window=hours.default_window()
    )
    template = outbound.template(account, LONG)
    texts = []
    for index, variables in enumerate([{"first_name": "Ann", "last_job_type": "Leak Repair"}, {}]):
        contact = factories.make_contact(account, phone=f"+1312555011{index}")
        texts.append(
            Message.objects.create(
                account=account, lane=lane, contact=contact, address=factories.phone_of(contact),
                number=number, kind="campaign", state="queued", template=template, variables=variables,
                created_at=NOON, due_at=NOON,
            )
        )  # fmt: skip
    claims = claiming.claim([text.pk for text in texts], now=NOON)
    assert [claim.message_id for claim in claims] == [texts[0].pk]
    texts[1].refresh_from_db()
    assert (texts[1].state, texts[1].code) == ("cancelled", "merge_field_missing")
    assert texts[1].reason == "Nothing is known for: first name, last job’s type"
