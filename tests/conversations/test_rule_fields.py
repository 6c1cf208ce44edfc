"""What audiences may ask of calls."""

from datetime import timedelta

import pytest

from audiences import segments
from conversations.models import Call
from tests import factories
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


def test_audiences_ask_who_was_called_how_it_ended_and_who_called_us():
    account = factories.make_account()
    number = factories.make_number(account)
    people = {
        name: factories.make_contact(account, f"+131255501{at:02}", name=name)
        for at, name in enumerate(("Ann", "Bob", "Cy", "Dee"))
    }

    def called(name, days, **fields):
        at = NOON - timedelta(days=days)
        chosen = {"direction": "out", "state": "completed", "accepted_at": at, "created_at": at} | fields
        address = people[name].contact_addresses.get().address
        Call.objects.create(
            account=account, contact=people[name], address=address, number=number,
            provider_id=f"CA{name}{days}", **chosen,
        )  # fmt: skip

    called("Ann", 40, outcome="voicemail")
    called("Ann", 3, outcome="answered")
    called("Bob", 40, outcome="no_answer")
    called("Cy", 1, accepted_at=None, state="rejected")  # the carrier did not take it
    called("Dee", 2, direction="in", accepted_at=None)

    def found(*rules, match="all"):
        asked = {"match": match, "rules": list(rules)}
        return set(segments.contacts(account, asked, now=NOON).values_list("name", flat=True))

    month = {"n": 30, "unit": "days"}
    assert found({"field": "called", "is": "known"}) == {"Ann", "Bob"}
    assert found({"field": "called", "is": "more_ago", "value": month}) == {"Bob"}
    assert found({"field": "called", "is": "unknown"}) == {"Cy", "Dee"}
    assert found({"field": "calls", "is": "at_least", "value": 2}) == {"Ann"}
    assert found({"field": "called_us", "is": "in_last", "value": month}) == {"Dee"}
    voicemail = {"field": "call.outcome", "is": "any_of", "value": ["voicemail"]}
    assert found({"match": "all", "of": "call", "rules": [voicemail]}) == {"Ann"}
    lately = {"field": "call.at", "is": "in_last", "value": month}
    assert found({"match": "none", "of": "call", "rules": [lately]}) == {"Bob", "Cy", "Dee"}
    said = segments.describe(
        account, {"match": "all", "rules": [{"match": "all", "of": "call", "rules": [voicemail]}]}
    )
    assert said == ["Has a call from us with outcome: left a voicemail"]
