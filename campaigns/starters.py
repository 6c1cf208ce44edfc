"""Workflows to begin with, as good offices of the trade run them: ask, wait, ask once more, book, confirm.

Only a plain yes has a way on. Questions, wishes for another day and complaints have none, so that they are
held for a person. `begin` makes a draft of one; nothing is sent before somebody publishes and launches it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from campaigns import publishing
from campaigns.models import Workflow, WorkflowVersion
from conversations.emails.words import Words

Drawn = list[tuple[str, str, str, dict[str, Any]]]
DAY_MINUTES = 24 * 60
MEMBER_TAG = "Maintenance member"


@dataclass(frozen=True)
class Starter:
    """One workflow to begin with: what it is called and for, what it texts, and how long it waits."""

    slug: str
    name: str
    description: str
    booking: str  # what the booking request asks the office for
    first_text: str
    second_text: str
    booked_text: str
    not_booked_text: str
    member_text: str = ""  # a reminder of their own for members; nothing: they get the same
    booked_email: Words | None = None  # confirms a booking, too; nothing: the text does alone
    last_email: Words | None = None  # to those who never answered; nothing: they are left in peace
    spanish_booked_email: Words | None = None  # of those two, for who is written to in Spanish
    spanish_last_email: Words | None = None
    call_words: str = ""  # what a person says to those who never answered; nothing: nobody is called
    spanish_call_words: str = ""
    first_wait_minutes: int = 3 * DAY_MINUTES
    second_wait_minutes: int = 4 * DAY_MINUTES


TUNE_UP = Starter(
    slug="tune-up-season",
    name="Tune-up season",
    description=(
        "Two friendly texts to people whose furnace has not been looked at for a while. A yes becomes a "
        "booking in ServiceTitan and is confirmed; anything else a customer writes goes to a person."
    ),
    booking="Furnace tune-up",
    first_text=(
        "Hi {{ first_name }}, {{ company }} here. It's time for your furnace tune-up before it gets cold. "
        "Reply YES and we'll book it. Reply STOP to opt out."
    ),
    member_text=(
        "Hi {{ first_name }}, your {{ company }} membership includes a furnace tune-up this season. "
        "Reply YES and we'll put you on the schedule."
    ),
    second_text=(
        "Hi {{ first_name }}, {{ company }} again: we still have tune-up visits open. "
        "Reply YES for one, or just ask us anything."
    ),
    booked_text=(
        "Thanks {{ first_name }}, you're all set: your tune-up is booked. "
        "Our office will text you the arrival time. {{ company }}"
    ),
    not_booked_text=(
        "Thanks {{ first_name }}. We could not find a slot by ourselves, so somebody from our office "
        "will call you. {{ company }}"
    ),
)
ESTIMATE = Starter(
    slug="estimate-follow-up",
    name="Estimate follow-up",
    description=(
        "For people with an estimate they have not decided on. One question, one reminder a few days later, "
        "then a call by a person. A yes becomes a booking request; prices and doubts go to a person."
    ),
    booking="Go ahead with the estimate",
    first_text=(
        "Hi {{ first_name }}, {{ company }} here. Have you had time to look at our estimate? "
        "Reply YES to go ahead and we'll schedule it. Reply STOP to opt out."
    ),
    second_text=(
        "Hi {{ first_name }}, {{ company }} again about your estimate. Reply YES to go ahead, "
        "or send us your questions here."
    ),
    booked_text="Thanks {{ first_name }}, we have you down. Our office will text you the day. {{ company }}",
    not_booked_text="Thanks {{ first_name }}. Our office will call you to set a day. {{ company }}",
    call_words=(
        "Hi {{ first_name }}, this is {{ company }}. We sent you an estimate for "
        "{{ open_estimate_name | default: 'the work we talked about' }} and wanted to hear what you "
        "think.\n\n"
        "Is there anything in it that is not clear, or that we should change?\n\n"
        "If you would like to go ahead, I can put you on the schedule right now."
    ),
    spanish_call_words=(
        "Hola {{ first_name }}, le llamo de {{ company }}. Le enviamos un presupuesto para "
        "{{ open_estimate_name | default: 'el trabajo del que hablamos' }} y queríamos saber qué le "
        "parece.\n\n"
        "¿Hay algo que no quede claro, o que debamos cambiar?\n\n"
        "Si quiere seguir adelante, le puedo dar una cita ahora mismo."
    ),
)
RENEWAL = Starter(
    slug="membership-renewal",
    name="Membership renewal",
    description=(
        "For members whose plan is about to end. A yes is put on the office's list to renew, "
        "with the next maintenance visit, and is confirmed by text and email. Who never answers is called by "
        "a person."
    ),
    booking="Renew the membership, with its maintenance visit",
    first_text=(
        "Hi {{ first_name }}, your {{ company }} maintenance plan is about to end. "
        "Reply YES to renew it and keep your visits. Reply STOP to opt out."
    ),
    second_text=(
        "Hi {{ first_name }}, a reminder from {{ company }}: your plan ends soon. "
        "Reply YES to renew, or ask us anything."
    ),
    booked_text="Thanks {{ first_name }}, you stay a member. We'll text you your next visit. {{ company }}",
    not_booked_text="Thanks {{ first_name }}. Our office will call you about the plan. {{ company }}",
    booked_email=Words(
        design="membership",
        subject="You stay a member, {{ first_name }}",
        preheader="Your visits and prices stay as they are",
        heading="Thank you for another year",
        body=(
            "Hi {{ first_name }},\n\nThank you for renewing your {{ company }} maintenance plan. Nothing "
            "changes: your visits and prices stay as they are, and we will text you before the next visit."
            "\n\nIf anything is not right, answer this email or text us.\n\n{{ company }}"
        ),
    ),
    last_email=Words(
        design="membership",
        subject="{{ first_name }}, your plan is about to end",
        preheader="Renewing takes one word",
        heading="Your plan is about to end",
        body=(
            "Hi {{ first_name }},\n\nYour {{ company }} maintenance plan ends soon. To keep your visits, "
            "answer this email with YES, and our office does the rest.\n\n{{ company }}"
        ),
    ),
    spanish_booked_email=Words(
        subject="{{ first_name }}, usted sigue siendo miembro",
        preheader="Sus visitas y precios siguen igual",
        heading="Gracias por un año más",
        body=(
            "Hola {{ first_name }}:\n\nGracias por renovar su plan de mantenimiento con {{ company }}. Nada "
            "cambia: sus visitas y precios siguen igual, y le escribiremos antes de la próxima visita.\n\n"
            "Si algo no está bien, responda a este correo o envíenos un texto.\n\n{{ company }}"
        ),
    ),
    spanish_last_email=Words(
        subject="{{ first_name }}, su plan está por terminar",
        preheader="Renovarlo toma una palabra",
        heading="Su plan está por terminar",
        body=(
            "Hola {{ first_name }}:\n\nSu plan de mantenimiento con {{ company }} termina pronto. Para "
            "conservar sus visitas, responda SÍ a este correo y nuestra oficina hace el resto."
            "\n\n{{ company }}"
        ),
    ),
    call_words=(
        "Hi {{ first_name }}, this is {{ company }}. Your "
        "{{ membership_type | default: 'maintenance plan' }} is about to end, and I am calling so that you "
        "do not lose your visits.\n\nWould you like to keep it? I can renew it now and book the next visit "
        "with you.\n\nIf not: is there something we could do better?"
    ),
    spanish_call_words=(
        "Hola {{ first_name }}, le llamo de {{ company }}. Su "
        "{{ membership_type | default: 'plan de mantenimiento' }} está por terminar, y le llamo para que "
        "no pierda sus visitas.\n\n¿Quiere conservarlo? Lo puedo renovar ahora y darle la próxima visita."
        "\n\nSi no: ¿hay algo que podamos hacer mejor?"
    ),
    first_wait_minutes=5 * DAY_MINUTES,
    second_wait_minutes=7 * DAY_MINUTES,
)
STARTERS = {starter.slug: starter for starter in (TUNE_UP, ESTIMATE, RENEWAL)}


def nodes(starter: Starter, *, job_type: int | None = None) -> Drawn:
    """(key, kind, name, settings), the first one first. `job_type` is ServiceTitan's id for the booking."""
    members: Drawn = [
        ("member_text", "send_sms", "Reminder for members", {"body": starter.member_text}),
    ]
    return [
        ("first_text", "send_sms", "First text", {"body": starter.first_text}),
        ("first_wait", "wait_for_reply", "Wait for a reply", {"timeout_minutes": starter.first_wait_minutes}),
        ("who", "branch", _who(starter), {"conditions": _conditions(starter)}),
        *(members if starter.member_text else []),
        ("second_text", "send_sms", "Reminder", {"body": starter.second_text}),
        ("second_wait", "wait_for_reply", "Wait once more", {"timeout_minutes": starter.second_wait_minutes}),
        *_call(starter),
        *_email("last_email", "Last reminder by email", starter.last_email, starter.spanish_last_email),
        ("booking", "book_job", "Book it", {"summary": starter.booking, "job_type": job_type}),
        ("booked_text", "send_sms", "Confirm the booking", {"body": starter.booked_text}),
        *_email("booked_email", "Confirm by email", starter.booked_email, starter.spanish_booked_email),
        ("not_booked_text", "send_sms", "Promise a call", {"body": starter.not_booked_text}),
        ("done", "end", "Done", {}),
    ]


def _email(key: str, name: str, words: Words | None, spanish: Words | None) -> Drawn:
    """The step that sends these words, if there are any."""
    if words is None:
        return []
    settings: dict[str, Any] = {**_said(words), "design": words.design, "button_url": words.button_url}
    if spanish is not None:
        settings["spanish"] = _said(spanish)
    return [(key, "send_email", name, {part: said for part, said in settings.items() if said})]


def _call(starter: Starter) -> Drawn:
    """The step in which a person calls those who never answered, if there is one."""
    if not starter.call_words:
        return []
    words = {"en": starter.call_words} | (
        {"es": starter.spanish_call_words} if starter.spanish_call_words else {}
    )
    return [("call", "call", "Call them", {"plan": {"mode": "person", "words": words}})]


def _said(words: Words) -> dict[str, str]:
    said = {
        "subject": words.subject, "body": words.body, "heading": words.heading,
        "preheader": words.preheader, "button_label": words.button_label,
    }  # fmt: skip
    return {part: value for part, value in said.items() if value}


def edges(starter: Starter) -> list[tuple[str, str, str]]:
    """(source, label, target)."""
    last = "last_email" if starter.last_email else "done"
    members = [
        ("who", "member", "member_text"),
        ("member_text", "next", "second_wait"),
        ("member_text", "otherwise", "done"),
    ]
    return [
        ("first_text", "next", "first_wait"),
        ("first_text", "otherwise", "done"),
        ("first_wait", "booking_yes", "booking"),
        ("first_wait", "no_reply", "who"),
        ("who", "with_a_person", "done"),
        *(members if starter.member_text else []),
        ("who", "otherwise", "second_text"),
        ("second_text", "next", "second_wait"),
        ("second_text", "otherwise", "done"),
        ("second_wait", "booking_yes", "booking"),
        ("second_wait", "no_reply", "call" if starter.call_words else last),
        *(_after_call(last) if starter.call_words else []),
        *([("last_email", "next", "done")] if starter.last_email else []),
        ("booking", "booked", "booked_text"),
        ("booking", "not_booked", "not_booked_text"),
        ("booked_text", "next", "booked_email" if starter.booked_email else "done"),
        *([("booked_email", "next", "done")] if starter.booked_email else []),
        ("not_booked_text", "next", "done"),
    ]


def _after_call(last: str) -> list[tuple[str, str, str]]:
    """Who booked on the call is confirmed; who was spoken to has said what they want; who was not reached
    gets what comes last."""
    spoken = [("call", "answered", "done"), ("call", "call_back", "done"), ("call", "booked", "booked_text")]
    return [*spoken, ("call", "next", last), ("call", "otherwise", last)]


@transaction.atomic
def begin(account: Account, starter: Starter, *, by: User | None, now: datetime) -> WorkflowVersion:
    """A draft of this workflow for the account, under a name that is still free."""
    Account.objects.select_for_update().get(pk=account.pk)  # two at once would choose the same name
    made = Workflow.objects.create(
        account=account,
        name=_free_name(account, starter.name),
        description=starter.description,
        created_by=by,
        created_at=now,
    )
    version = publishing.draft(made, nodes=nodes(starter), edges=edges(starter), by=by, now=now)
    audit.record(account=account, by=by, verb="began_workflow", summary=f"Began {made.name}", on=version)
    return version


def _free_name(account: Account, name: str) -> str:
    taken = set(Workflow.objects.filter(account=account).values_list("name", flat=True))
    names = (name if n == 1 else f"{name} {n}" for n in range(1, len(taken) + 2))
    return next(free for free in names if free not in taken)


def _who(starter: Starter) -> str:
    return "Member, or with a person?" if starter.member_text else "With a person?"


def _conditions(starter: Starter) -> list[dict[str, Any]]:
    replied = {"label": "with_a_person", "field": "replied", "operator": "is", "value": True}
    member = {"label": "member", "field": "tag", "operator": "has", "value": MEMBER_TAG}
    return [replied, member] if starter.member_text else [replied]
