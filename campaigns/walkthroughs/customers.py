"""What the customer does in a walkthrough: what they write is read by the reader, and acted upon as ever."""

from django.db.models import Max

from audiences import servicetitan_pages
from campaigns import bookings, click_judging
from campaigns.models import Booking, Click, LinkCode, Node
from campaigns.walkthroughs import sending
from campaigns.walkthroughs.acts import Act
from campaigns.walkthroughs.scene import invented_id
from campaigns.walkthroughs.stage import NotNow, Stage
from conversations import inbound, inbound_mail, leaving, reading_words
from conversations.inbound import Received
from conversations.leaving import Door
from conversations.models import ContactHold, Message, Reading, Thread
from conversations.unsubscribing import Link
from integrations.messaging import InboundEmail, InboundText
from integrations.servicetitan.records import Job

_NOTHING_YET = "Nothing has been sent to them yet. Let the next step happen first."


def reply(stage: Stage, act: Act) -> None:
    """They text back to the number that texted or called them last. Raises NotNow."""
    passage = stage.passage()
    ours = Message.objects.filter(address=passage.address, number__isnull=False, accepted_at__isnull=False)
    last = ours.select_related("number").order_by("-accepted_at", "-pk").first()
    number = (last.number if last else None) or stage.scene.campaign.number
    before = _latest()
    stage.soon()
    text = InboundText(
        provider_id=f"walkthrough-{stage.walk.pk}-{stage.act}", to=number.e164, from_=passage.address.value,
        body=act["words"],
    )  # fmt: skip
    stage.tell("reply", words=act["words"], by="text", **{"from": passage.address.value})
    with stage.apart():
        received = inbound.take_in(text, number, now=stage.now)
    _tell_reading(stage, received)
    sending.answers(stage, before)


def mail(stage: Stage, act: Act) -> None:
    """They answer the last email. Raises NotNow."""
    original = _last_email(stage)
    before = _latest()
    stage.soon()
    answer = InboundEmail(
        message_id=f"walkthrough-{stage.walk.pk}-{stage.act}@example.com", from_=original.address.value,
        from_name=stage.scene.contact.name, to=(), subject=f"Re: {original.subject or ''}"[:300],
        text=act["words"], answers=(), authentic=True,
    )  # fmt: skip
    stage.tell("reply", words=act["words"], by="email", **{"from": original.address.value})
    with stage.apart():
        received = inbound_mail.take_in(answer, original, now=stage.now)
    _tell_reading(stage, received)
    sending.answers(stage, before)


def leave(stage: Stage) -> None:
    """They unsubscribe by the link of the last email. Raises NotNow."""
    original = _last_email(stage)
    stage.soon()
    found = leaving.reader(Link(original.address_id, original.pk))
    if found is None:
        raise NotNow("That mailbox is gone.")
    stage.tell("did", words="Unsubscribes by the link below the email", whose="customer")
    with stage.apart():
        leaving.leave(found, everything=False, door=Door.PAGE, now=stage.now)
    stage.note("No more emails to this mailbox. Texts and calls go on.", icon="ban", tone="bad")


def click(stage: Stage, act: Act) -> None:
    """They follow a link. Raises NotNow."""
    if act["n"] >= len(stage.links):
        raise NotNow("There is no such link any more.")
    stage.soon()
    code = LinkCode.objects.select_related("link").get(pk=stage.links[act["n"]])
    to = code.destination or code.link.destination
    if code.expires_at <= stage.now:
        raise NotNow("That link leads nowhere any more: its time is over.")
    stage.tell("did", words=f"Follows the link to {to}", whose="customer")
    made = Click.objects.create(code=code, at=stage.now, client="walkthrough")
    with stage.apart():
        click_judging.judge(now=stage.now + 2 * click_judging.WAIT, among=[made.pk])


def book(stage: Stage) -> None:
    """They book with the office: a job of theirs comes from ServiceTitan. Raises NotNow."""
    customer = stage.scene.contact.servicetitan_customer_id
    if customer <= 0:
        raise NotNow("ServiceTitan does not know this person, so no job of theirs can come from it.")
    stage.soon()
    stage.tell("did", words="Books with the office: a new job comes from ServiceTitan", whose="customer")
    with stage.apart():
        servicetitan_pages.apply_jobs(stage.walk.account, [_job(stage)])


def made(stage: Stage) -> None:
    """ServiceTitan makes our request a job. Raises NotNow."""
    booking = _open_booking(stage)
    stage.soon()
    request = invented_id(stage.walk, 500 + max(stage.act, 0))
    job = _job(stage, booking_id=request)
    with stage.apart():
        bookings.record(booking, servicetitan_id=request, job=job, now=stage.now)


def dismissed(stage: Stage) -> None:
    """The office dismisses our request. Raises NotNow."""
    booking = _open_booking(stage)
    stage.soon()
    with stage.apart():
        bookings.dismissed(booking, now=stage.now)


def _latest() -> int:
    return Message.objects.aggregate(last=Max("pk"))["last"] or 0


def _last_email(stage: Stage) -> Message:
    emails = Message.objects.filter(
        lane=stage.scene.campaign.lane, mailbox__isnull=False, accepted_at__isnull=False
    )
    found = emails.select_related("contact", "lane", "address", "mailbox").order_by("-pk").first()
    if found is None:
        raise NotNow(_NOTHING_YET)
    return found


def _open_booking(stage: Stage) -> Booking:
    step = stage.open_step()
    if step is None or stage.node_of(step).kind != Node.Kind.BOOK_JOB:
        raise NotNow("Nothing waits for ServiceTitan’s answer.")
    found = Booking.objects.select_related("account", "contact").filter(step=step).first()
    if found is None:
        raise NotNow("Nothing was asked for yet. Let the next step happen first.")
    return found


def _job(stage: Stage, booking_id: int | None = None) -> Job:
    customer, number = stage.scene.contact.servicetitan_customer_id, max(stage.act, 0)
    return Job(
        id=invented_id(stage.walk, number), customer_id=customer, job_number=f"{900_000 + number}",
        job_status="Scheduled", booking_id=booking_id, created_on=stage.now, modified_on=stage.now,
        active=True,
    )  # fmt: skip


def _tell_reading(stage: Stage, received: Received) -> None:
    """How the reply was read, and what that leads to beside the workflow's own way."""
    found = Reading.objects.select_related("message__contact").get(message=received.message_id)
    words = reading_words.of(found, found.message.body or "")
    stage.events[-1] |= {"reading": words, "label": found.label, "outcome": found.outcome}
    if found.outcome == Reading.Outcome.OPT_OUT:
        stage.note(
            "Opted out: nothing automated reaches this address any more, whatever the campaign",
            icon="ban", tone="bad",
        )  # fmt: skip
    elif found.outcome == Reading.Outcome.HOLD:
        stage.note("Held for a person: nothing goes on by itself before one has looked", icon="user")
    elif _waits_for_person(found.message):
        hours = int(inbound.HOLD.total_seconds() // 3600)
        stage.note(
            "A person has the thread now: it waits in the inbox for an answer. No campaign writes to them "
            f"for {hours} hours, or until somebody has resolved it; the workflow’s own times run on",
            icon="user",
        )  # fmt: skip


def _waits_for_person(message: Message) -> bool:
    """Whether no step of a workflow takes a reply on, and its thread asks for somebody."""
    if not ContactHold.objects.filter(message=message, except_lane=None).exists():
        return False
    threads = Thread.objects.filter(contact=message.contact, address=message.address, needs_reply=True)
    return threads.exists()
