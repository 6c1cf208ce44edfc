"""Leaving by the link of an email: who looks changes nothing, who presses has left, without any session."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from audiences import suppression
from audiences.models import Address, OptOut
from common import clock
from conversations import leaving, outbound, unsubscribing
from conversations.leaving import Door
from conversations.models import Message, Thread
from conversations.views import leaving as page
from tests import factories

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class World:
    """An account that has emailed Ann, who has a phone, too; the next email to her waits."""

    def __init__(self) -> None:
        self.account = factories.make_account("Lakeside Heating")
        self.mailbox = factories.make_mailbox(
            self.account, name="Lakeside Heating", postal_address="12 Elm Street\nSpringfield, IL 62701"
        )
        self.ann = factories.make_contact(self.account, name="Ann Prentiss")
        self.phone = factories.phone_of(self.ann)
        self.address = factories.give_mailbox(self.ann, "ann.prentiss@example.org")
        self.lane = factories.make_campaign_lane(self.account)
        self.email = self.message("accepted", subject="Your furnace", body="Hi")
        self.waiting = self.message("queued", due_at=clock.now())

    def message(self, state: str, **fields: Any) -> Message:
        template = outbound.template(self.account, "Hi", "Your furnace")
        taken = {"accepted_at": clock.now(), "provider_id": "14c5d75ce93.dfd"} if state == "accepted" else {}
        return Message.objects.create(
            account=self.account, lane=self.lane, contact=self.ann, address=self.address, kind="campaign",
            mailbox=self.mailbox, provider="sendgrid", template=template, state=state, **taken, **fields,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return path(self.address.pk, self.email.pk)

    @property
    def closed(self) -> set[int]:
        return suppression.in_force([self.address.pk, self.phone.pk])


@pytest.fixture
def world(noon) -> World:
    return World()


@pytest.fixture
def stranger() -> Client:
    """Somebody without a session, whose every POST Django would refuse for want of a token."""
    return Client(enforce_csrf_checks=True)


def path(address_id: int, message_id: int | None = None) -> str:
    return unsubscribing.url(address_id, message_id).removeprefix(settings.PUBLIC_URL)


def test_a_token_names_mailbox_and_email_and_nobody_else_can_make_one() -> None:
    token = unsubscribing.token(7, 900)
    assert unsubscribing.read(token) == unsubscribing.Link(7, 900)
    assert unsubscribing.read(unsubscribing.token(7)) == unsubscribing.Link(7, None)
    other = unsubscribing.token(8, 900)
    spliced = [token[:10] + other[10:], other[:10] + token[10:]]
    for forged in (token[:-1], token + "A", *spliced, "", "é", "=" * 40):
        assert unsubscribing.read(forged) is None


def test_a_token_outlives_the_secret_key_it_was_made_with(settings) -> None:
    token = unsubscribing.token(7, 900)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert unsubscribing.read(token) == unsubscribing.Link(7, 900)
    settings.SECRET_KEY_FALLBACKS = []
    assert unsubscribing.read(token) is None


def test_the_link_leads_to_the_page() -> None:
    assert path(7, 900) == reverse("conversations:unsubscribe", args=[unsubscribing.token(7, 900)])


def test_a_mail_programs_button_unsubscribes_without_a_session(world: World, stranger: Client) -> None:
    answer = stranger.post(world.url, ONE_CLICK)
    assert (answer.status_code, answer.cookies) == (200, {})
    wish = OptOut.objects.get()
    assert (wish.address, wish.channel, wish.contact) == (world.address, "email", world.ann)
    assert (wish.source, wish.detector) == ("page", "unsubscribe/one_click")
    assert "Your furnace" in wish.evidence and f"message {world.email.pk}" in wish.evidence
    world.waiting.refresh_from_db()
    assert (world.waiting.state, world.waiting.code) == ("cancelled", "opted_out")
    world.email.refresh_from_db()
    assert world.email.opted_out_at == wish.at
    assert world.closed == {world.address.pk}


def test_pressing_twice_is_pressing_once(world: World, stranger: Client) -> None:
    for _ in range(3):
        assert stranger.post(world.url, ONE_CLICK).status_code == 200
    assert OptOut.objects.count() == 1


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
)
def test_whatever_form_a_mail_program_posts(world: World, stranger: Client, content_type: str) -> None:
    body = "List-Unsubscribe=One-Click"
    if "multipart" in content_type:
        body = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    assert stranger.generic("POST", world.url, body, content_type=content_type).status_code == 200
    assert world.closed == {world.address.pk}


def test_looking_changes_nothing(world: World, stranger: Client) -> None:
    for query in ("", "?saved=emails", "?List-Unsubscribe=One-Click", "?choice=nothing"):
        answer = stranger.get(world.url + query)
        assert answer.status_code == 200
        assert stranger.head(world.url + query).status_code == 200
        assert "Saved" not in answer.text
    assert not OptOut.objects.exists()
    world.waiting.refresh_from_db()
    assert world.waiting.state == "queued"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_tells_nobody_whose_mailbox_it_is(world: World, stranger: Client) -> None:
    said = stranger.get(world.url).text
    assert "a•••@e•••.org" in said and "Lakeside Heating" in said and "12 Elm Street" in said
    assert "prentiss" not in said.lower() and "example.org" not in said and "Ann" not in said


def test_no_more_emails_leaves_texts_as_they_are(world: World, stranger: Client) -> None:
    answer = stranger.post(world.url, {"choice": "emails"}, follow=True)
    assert "Saved. You get no more emails from Lakeside Heating." in answer.text
    assert world.closed == {world.address.pk}
    assert OptOut.objects.get().detector == "unsubscribe/page"


def test_nothing_at_all_closes_every_address_of_whoever_got_the_email(world: World, stranger: Client) -> None:
    sister = factories.make_contact(world.account, phone="+13125550199", name="Bea")
    answer = stranger.post(world.url, {"choice": "nothing"}, follow=True)
    assert "will not email, text or call you" in answer.text
    assert world.closed == {world.address.pk, world.phone.pk}
    assert not suppression.in_force([factories.phone_of(sister).pk])
    assert "Nothing at all" in OptOut.objects.first().evidence


def test_nothing_at_all_after_no_more_emails(world: World, stranger: Client) -> None:
    stranger.post(world.url, {"choice": "emails"})
    said = stranger.get(world.url).text
    assert "gets no more emails" in said and "Stop texts and calls, too" in said
    stranger.post(world.url, {"choice": "nothing"})
    assert world.closed == {world.address.pk, world.phone.pk}
    assert OptOut.objects.count() == 2
    assert "Stop texts and calls, too" not in stranger.get(world.url).text


def test_only_the_mailbox_comes_back_and_the_words_are_kept(world: World, stranger: Client) -> None:
    stranger.post(world.url, {"choice": "nothing"})
    answer = stranger.post(world.url, {"choice": "again"}, follow=True)
    assert "You get emails from Lakeside Heating again." in answer.text
    assert world.closed == {world.phone.pk}
    wish = OptOut.objects.get(address=world.address)
    assert wish.lifted_at is not None and "Get emails again" in wish.lifted_evidence


def test_coming_back_opens_the_thread_that_leaving_closed(world: World, stranger: Client) -> None:
    thread = Thread.objects.create(
        account=world.account, contact=world.ann, address=world.address,
        number=factories.make_number(world.account),
    )  # fmt: skip
    stranger.post(world.url, ONE_CLICK)
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("closed", "opted_out")
    stranger.post(world.url, {"choice": "again"})
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("open", "")


def test_what_the_provider_holds_is_not_undone_here(world: World, stranger: Client) -> None:
    suppression.opt_out(world.address, channel="email", source=OptOut.Source.PROVIDER, now=clock.now())
    assert "Get emails again" not in stranger.get(world.url).text
    assert stranger.post(world.url, {"choice": "again"}).status_code == 409
    assert world.closed == {world.address.pk}


def test_who_complained_after_leaving_does_not_come_back_here(world: World, stranger: Client) -> None:
    stranger.post(world.url, {"choice": "emails"})
    Message.objects.filter(pk=world.email.pk).update(spam_reported_at=clock.now(), state="delivered")
    assert "Get emails again" not in stranger.get(world.url).text
    assert stranger.post(world.url, {"choice": "again"}).status_code == 409
    assert world.closed == {world.address.pk}


def test_pressing_again_waits_for_the_same_call(world: World) -> None:
    calling = world.message("calling", subject="Hi", body="Hi")
    reader = leaving.reader(unsubscribing.Link(world.address.pk, world.email.pk))
    assert reader is not None
    for _ in range(2):
        found = leaving.leave(reader, everything=False, door=leaving.Door.ONE_CLICK, now=clock.now())
        assert found == [calling.pk]


def test_nobody_fills_the_evidence_by_going_to_and_fro(world: World, stranger: Client) -> None:
    for _ in range(leaving.RETURNS_PER_DAY):
        stranger.post(world.url, {"choice": "emails"})
        assert stranger.post(world.url, {"choice": "again"}).status_code == 302
    stranger.post(world.url, {"choice": "emails"})
    answer = stranger.post(world.url, {"choice": "again"})
    assert answer.status_code == 409 and "try again tomorrow" in answer.text
    assert world.closed == {world.address.pk}
    assert OptOut.objects.count() == leaving.RETURNS_PER_DAY + 1


def test_many_choices_from_one_client_are_refused_and_a_button_never(
    world: World, stranger: Client, monkeypatch
) -> None:
    monkeypatch.setattr(page, "CHOICES_PER_HOUR", 0)
    assert stranger.post(world.url, {"choice": "emails"}, REMOTE_ADDR="203.0.113.7").status_code == 429
    assert world.closed == set()
    assert stranger.post(world.url, ONE_CLICK, REMOTE_ADDR="203.0.113.7").status_code == 200
    assert world.closed == {world.address.pk}


def test_a_form_without_a_choice_changes_nothing_and_says_so(world: World, stranger: Client) -> None:
    answer = stranger.post(world.url, {"choice": "everything"})
    assert answer.status_code == 422 and "Nothing was changed yet" in answer.text
    assert not OptOut.objects.exists()


def test_the_page_speaks_spanish_to_those_who_do(world: World, stranger: Client) -> None:
    world.ann.language = "es"
    world.ann.save(update_fields=["language"])
    said = stranger.get(world.url).text
    assert 'lang="es"' in said and "No más correos" in said and "No more emails" not in said


def test_links_of_what_is_gone_or_was_never_ours_are_met_kindly(world: World, stranger: Client) -> None:
    gone, forged = path(10**9, 5), path(world.address.pk)[:-4] + "AAA/"
    for url in (gone, forged):
        answer = stranger.get(url)
        assert answer.status_code == 404 and "leads nowhere any more" in answer.text
        assert "Truckroll" not in answer.text.split("<main")[1]
    assert stranger.post(gone, ONE_CLICK).status_code == 200
    assert stranger.post(forged, ONE_CLICK).status_code == 404
    assert not OptOut.objects.exists()


def test_an_email_that_is_gone_or_anothers_is_left_out(world: World, stranger: Client) -> None:
    other = Address.objects.create(account=world.account, channel="email", value="bob@example.org")
    for message_id in (10**9, world.email.pk):
        link = unsubscribing.read(unsubscribing.token(other.pk, message_id))
        reader = leaving.reader(link) if link else None
        assert reader is not None and reader.message is None
    assert stranger.post(path(other.pk, world.email.pk), ONE_CLICK).status_code == 200
    world.email.refresh_from_db()
    assert world.email.opted_out_at is None
    assert suppression.in_force([other.pk]) == {other.pk}


def test_only_the_email_that_made_somebody_leave_is_credited(world: World, stranger: Client) -> None:
    stranger.post(world.url, ONE_CLICK)
    stranger.post(path(world.address.pk, world.waiting.pk), ONE_CLICK)
    world.waiting.refresh_from_db()
    assert world.waiting.opted_out_at is None


def test_leaving_asks_the_database_a_bounded_number_of_questions(
    world: World, django_assert_max_num_queries
) -> None:
    reader = leaving.reader(unsubscribing.Link(world.address.pk, world.email.pk))
    assert reader is not None
    with django_assert_max_num_queries(30):
        leaving.leave(reader, everything=True, door=Door.PAGE, now=clock.now() + timedelta(minutes=1))


def test_nothing_crosses_between_accounts(world: World, stranger: Client) -> None:
    other: Account = factories.make_account("Other Plumbing")
    namesake = factories.make_contact(other, phone="+13125550101", name="Ann Prentiss")
    theirs = factories.give_mailbox(namesake, "ann.prentiss@example.org")
    stranger.post(world.url, {"choice": "nothing"})
    assert suppression.in_force([theirs.pk, factories.phone_of(namesake).pk]) == set()
