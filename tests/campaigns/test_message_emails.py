"""An email looked at before it is published: what a contact would get, in a frame that can do nothing."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from campaigns import editing, workflow_drafts
from common import clock
from conversations.models import Message
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.audiences import people

pytestmark = pytest.mark.django_db
EMAIL = {
    "subject": "{{ first_name }}, your furnace", "body": "Hi {{ first_name }}", "design": "tune_up",
    "heading": "Before it gets cold", "preheader": "An hour now", "button_label": "Choose",
    "button_url": "https://www.example.com/book",
    "spanish": {
        "subject": "{{ first_name }}, su casa", "body": "Hola {{ first_name }}", "button_label": "Elegir",
        "heading": "Antes del frío", "preheader": "Una hora",
    },
}  # fmt: skip


class World:
    """A workflow with one email, two customers who read it, and a marketer."""

    def __init__(self) -> None:
        self.account = factories.make_account("Lakeside Heating")
        factories.make_mailbox(self.account, name="Lakeside")
        nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
        self.workflow = factories.make_workflow(self.account, nodes, [("email", "next", "done")]).workflow
        factories.make_audience(self.account)
        self.ann = factories.make_contact(self.account, first_name="Ann")
        factories.give_mailbox(self.ann, "ann@example.org")
        self.luz = factories.make_contact(
            self.account, factories.reserved(7), first_name="Luz", language="es"
        )
        factories.give_mailbox(self.luz, "luz@example.org")
        self.marketer = make_member(self.account, Role.MARKETER)
        self.client: Client = signed_in(self.marketer)

    def url(self, name: str) -> str:
        return reverse(f"campaigns:{name}", args=[self.workflow.pk, "email"])


@pytest.fixture
def world(noon) -> World:
    return World()


def test_a_real_contact_is_seen_reading_it(world: World) -> None:
    answer = world.client.get(world.url("message_email"), {"contact": world.ann.pk})
    assert answer.status_code == 200
    for words in ("Hi Ann", "Before it gets cold", "https://www.example.com/book", "12 Elm Street"):
        assert words in answer.text
    spanish = world.client.get(world.url("message_email"), {"contact": world.luz.pk}).text
    assert "Hola Luz" in spanish and '<html lang="es"' in spanish and "Before it" not in spanish


def test_the_frame_can_do_nothing(world: World) -> None:
    answer = world.client.get(world.url("message_email"), {"contact": world.ann.pk})
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "frame-ancestors 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<script" not in answer.text


@pytest.mark.parametrize(("theme", "shown"), [("dark", "@media all{"), ("light", "@media not all{")])
def test_light_and_dark_are_shown_whatever_the_readers_own(world: World, theme: str, shown: str) -> None:
    said = world.client.get(world.url("message_email"), {"contact": world.ann.pk, "theme": theme}).text
    assert shown in said and "prefers-color-scheme" not in said


def test_the_page_shows_envelope_plain_text_and_size(world: World) -> None:
    page = world.client.get(
        reverse("campaigns:messages", args=[world.workflow.pk]), {"contact": world.ann.pk}
    ).text
    for words in ("Ann, your furnace", "An hour now", "Plain text of the email", "KB", "Send me a test"):
        assert words in page, words
    assert f"{world.url('message_email')}?contact={world.ann.pk}" in page
    assert '<option value="tune_up" selected>' in page


def test_a_test_goes_to_whoever_asks_and_to_nobody_else(world: World) -> None:
    for contact in (world.ann, world.luz):
        world.client.post(world.url("message_test"), {"contact": contact.pk})
    english, spanish = Message.objects.order_by("pk")
    assert english.address.value == spanish.address.value == world.marketer.email
    assert english.lane and english.lane.kind == "tests"
    assert (english.template and english.template.subject) == "{{ first_name }}, your furnace"
    assert (spanish.template and spanish.template.body) == "Hola {{ first_name }}"
    assert (english.variables or {})["first_name"] == "Ann"


def test_the_editor_sends_what_is_drawn_and_not_what_is_published(world: World) -> None:
    workflow_drafts.apply(
        world.workflow, lambda drawn: editing.change(drawn, "email", settings=EMAIL | {"subject": "New"}),
        said="Changed", revision=0, by=world.marketer, now=clock.now(),
    )  # fmt: skip
    page = world.client.get(world.url("editor_step")).text
    assert "Send me a test" in page and world.url("editor_test") in page
    answer = world.client.post(world.url("editor_test"), {"contact": world.ann.pk})
    assert answer.headers["Location"].endswith("/edit/?step=email")
    sent = Message.objects.get()
    assert (sent.template and sent.template.subject) == "New"
    assert sent.address.value == world.marketer.email and sent.lane and sent.lane.kind == "tests"


@pytest.mark.parametrize(
    ("page", "test"), [("messages", "message_test"), ("editor_step", "editor_test")], ids=["words", "editor"]
)
def test_a_double_press_sends_one_and_the_next_press_another(world: World, page: str, test: str) -> None:
    field = r'<input type="hidden" id="once-email" name="once" value="([^"]+)">'
    args = [world.workflow.pk] if page == "messages" else [world.workflow.pk, "email"]
    shown = world.client.get(reverse(f"campaigns:{page}", args=args), {"contact": world.ann.pk}).text
    (once,) = re.findall(field, shown)
    assert 'hx-target="#once-email"' in shown

    def press(once: str) -> HttpResponse:
        form = {"contact": world.ann.pk, "once": once}
        return world.client.post(world.url(test), form, headers={"HX-Request": "true"})

    for _ in range(2):
        answer = press(once)
    assert Message.objects.count() == 1 and "is on its way" in answer["HX-Trigger"]
    assert answer["HX-Reswap"] == "outerHTML"
    anew = re.fullmatch(rf"\s*{field}\s*", answer.text)
    assert anew and anew[1] != once
    press(anew[1])
    assert Message.objects.count() == 2


def test_another_accounts_contact_is_nobody(world: World) -> None:
    theirs = factories.make_contact(factories.make_account("Other"), factories.reserved(8), first_name="Eve")
    factories.give_mailbox(theirs, "eve@example.org")
    assert "Eve" not in world.client.get(world.url("message_email"), {"contact": theirs.pk}).text
    world.client.post(world.url("message_test"), {"contact": theirs.pk})
    assert not Message.objects.exists()


def test_customers_of_a_unit_are_written_to_from_its_own_mailbox(world: World) -> None:
    unit = people.unit(world.account, "Plumbing")
    own = factories.make_mailbox(
        world.account, business_unit=unit, name="Lakeside Plumbing", email="pipes@comfort.example",
        postal_address="9 Pipe Lane",
    )  # fmt: skip
    rules = {"match": "all", "rules": [{"field": "job.unit", "is": "any_of", "value": [unit.pk]}]}
    audience = factories.make_audience(world.account, rules=rules)
    chosen = {"contact": world.ann.pk, "audience": audience.pk}
    assert "9 Pipe Lane" in world.client.get(world.url("message_email"), chosen).text
    world.client.post(world.url("message_test"), chosen)
    assert Message.objects.get().mailbox == own
