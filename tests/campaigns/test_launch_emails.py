"""The emails of a launch before it is sent: whom they come from, and what they look like."""

import pytest
from django.urls import reverse

from audiences.models import Contact
from tests import factories
from tests.audiences import people
from tests.campaigns.launch_form import Ready, with_unit
from tests.campaigns.test_message_emails import EMAIL

pytestmark = pytest.mark.django_db
URL = reverse("campaigns:launch_email")


def first(ready: Ready) -> Contact:
    """The customer who has a mailbox."""
    return ready.account.contacts.earliest("pk")


@pytest.fixture
def mailed(ready: Ready) -> Ready:
    """A launch of one email to people of whom one has a mailbox."""
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    ready.version = factories.make_workflow(ready.account, nodes, [("email", "next", "done")])
    factories.make_mailbox(ready.account)
    factories.give_mailbox(first(ready), "pat@example.org")
    return ready


def test_the_review_names_the_sender_and_shows_the_email_in_its_design(mailed: Ready) -> None:
    page = mailed.fill()
    person = first(mailed)
    assert "office@comfort.example" in page
    assert f'src="{URL}?contact={person.pk}&amp;theme=light"' in page
    answer = mailed.client.get(URL, {"contact": person.pk})
    assert "Hi Pat0" in answer.text and "12 Elm Street" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


def test_customers_of_a_unit_are_written_to_from_its_own_mailbox(mailed: Ready) -> None:
    unit = people.unit(mailed.account, "Plumbing")
    person = first(mailed)
    people.job(person, unit)
    factories.make_mailbox(
        mailed.account, business_unit=unit, email="pipes@comfort.example", postal_address="9 Pipe Lane"
    )
    page = mailed.fill(**with_unit(unit.pk))
    assert "pipes@comfort.example" in page and "office@comfort.example" not in page
    assert "9 Pipe Lane" in page and "12 Elm Street" not in page  # in the plain text
    assert "9 Pipe Lane" in mailed.client.get(URL, {"contact": person.pk}).text


def test_without_a_launch_or_for_somebody_elses_customer_the_frame_is_blank(mailed: Ready) -> None:
    person = first(mailed)
    assert "Pat0" not in mailed.client.get(URL, {"contact": person.pk}).text
    mailed.fill()
    eve = factories.make_contact(factories.make_account("Other"), factories.reserved(8), first_name="Eve")
    factories.give_mailbox(eve, "eve@example.org")
    assert "Eve" not in mailed.client.get(URL, {"contact": eve.pk}).text
