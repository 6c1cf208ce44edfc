"""Making the demo company: every step finds what an earlier start made, and goes on where one was killed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import people
from accounts.models import Account, BusinessUnit, Membership, Role, User
from audiences import consent, servicetitan_sync
from audiences.models import Audience, JobType, SyncCursor, Tag
from campaigns import launching, publishing, starters
from campaigns.models import Campaign, Playbook, Workflow, WorkflowVersion
from config import first_account, providers
from conversations.emails.words import Words
from conversations.models import Brand, CallSettings
from integrations import connections
from integrations.models import SendingMailbox, SendingNumber

NAME, ZONE = "Prairie Home Comfort", "America/Chicago"
COLOUR, PHONE = "#b3471d", "+13125550142"
PASSWORD = "truckroll-demo"
PEOPLE = (
    ("admin@demo.example", Role.ADMIN, "Ruth Lindqvist"),
    ("marketer@demo.example", Role.MARKETER, "Theo Navarrete"),
    ("csr@demo.example", Role.CSR, "Imani Brightwell"),
    ("agent@demo.example", Role.AGENT, "Calvin Osgard"),
)
PLAYBOOK = "Seasonal tune-ups"
CAMPAIGN = "Furnace tune-ups, first wave"
TUNE_UP = "Furnace Tune-up"
# The waits are minutes, for somebody who watches; in earnest they are days.
WORKFLOW = replace(
    starters.TUNE_UP,
    description=f"{starters.TUNE_UP.description} The waits are minutes here; use days for real customers.",
    first_wait_minutes=3,
    second_text=(
        "Hi {{ first_name }}, {{ company }} again: we still have tune-up visits open. Reply YES for one, or "
        "pick a time: https://www.example.com/tune-up"
    ),
    second_wait_minutes=15,
    booked_email=Words(
        design="letter",
        subject="Your furnace tune-up is booked",
        preheader="What happens next, and how to prepare",
        heading="Your tune-up is booked",
        body=(
            "Hi {{ first_name }},\n\nOur office will text you the arrival time. The visit takes about an "
            "hour. Please see that the technician can reach furnace and thermostat.\n\nAnother day suits "
            "you better? Answer this email or text us.\n\n{{ company }}"
        ),
        button_label="How to prepare",
        button_url="https://www.example.com/tune-up/prepare",
    ),
    last_email=Words(
        design="tune_up",
        subject="{{ first_name }}, your furnace before it gets cold",
        preheader="An hour now, and a quiet winter",
        heading="Your furnace is due for its tune-up",
        body=(
            "Hi {{ first_name }},\n\nThe first cold nights are coming. In about an hour our technician\n\n"
            "- cleans the burner and changes the filter\n- tests every safety switch\n- leaves you a written "
            "report\n\nPick a time, or just answer this email."
        ),
        button_label="Choose a time",
        button_url="https://www.example.com/tune-up",
    ),
    spanish_booked_email=Words(
        subject="Su revisión está reservada",
        preheader="Lo que sigue, y cómo prepararse",
        heading="Su revisión está reservada",
        body=(
            "Hola {{ first_name }}:\n\nNuestra oficina le enviará por texto la hora de llegada. La visita "
            "dura cerca de una hora. Por favor, deje libre el acceso a la calefacción y al termostato.\n\n"
            "¿Le conviene otro día? Responda a este correo o envíenos un texto.\n\n{{ company }}"
        ),
        button_label="Cómo prepararse",
    ),
    spanish_last_email=Words(
        subject="{{ first_name }}, su calefacción antes del frío",
        preheader="Una hora ahora, y un invierno tranquilo",
        heading="Toca la revisión de su calefacción",
        body=(
            "Hola {{ first_name }}:\n\nLlegan las primeras noches frías. En cerca de una hora nuestro técnico"
            "\n\n- limpia el quemador y cambia el filtro\n- prueba cada interruptor de seguridad\n- le deja "
            "un informe escrito\n\nElija una hora, o simplemente responda a este correo."
        ),
        button_label="Elegir una hora",
    ),
)
CALLS_CAMPAIGN, CALLS_WORKFLOW = "Membership renewals, by phone", "Renewal calls"
CALLS_AUDIENCE = "West unit, maintenance members"
OFFICE_LINE = "+18305550150"  # the sandbox's office, which answers
_CALL_WORDS = {
    "en": (
        "Hi {{ first_name }}, this is {{ company }}. Your "
        "{{ membership_type | default: 'maintenance plan' }} comes up for renewal, and I wanted to make sure "
        "you keep your visits.\n\nShall I renew it, and book the next visit with you?\n\nIf not: is there "
        "something we could do better?"
    ),
    "es": (
        "Hola {{ first_name }}, le llamo de {{ company }}. Pronto toca renovar su "
        "{{ membership_type | default: 'plan de mantenimiento' }}, y quería asegurarme de que no pierda sus "
        "visitas.\n\n¿Se lo renuevo, y le doy la próxima visita?\n\nSi no: ¿hay algo que podamos hacer "
        "mejor?"
    ),
}
_TRIES = {"no_answer": 2, "no_answer_minutes": 15, "busy": 2, "busy_minutes": 5}
CALLS_NODES: starters.Drawn = [
    ("call", "call", "Call about the renewal",
     {"plan": {"mode": "person", "words": _CALL_WORDS, "tries": _TRIES}}),
    ("missed_text", "send_sms", "Text who was not reached",
     {"body": "Hi {{ first_name }}, {{ company }} here. We tried to call you about your plan. Reply YES to "
              "renew it, or ask us anything. Reply STOP to opt out."}),
    ("done", "end", "Done", {}),
]  # fmt: skip
CALLS_EDGES = [
    ("call", "no_answer", "missed_text"),
    ("call", "voicemail", "missed_text"),
    ("call", "busy", "missed_text"),
    ("call", "next", "done"),
    ("missed_text", "next", "done"),
]
CALLS_TOKEN = uuid.uuid5(uuid.NAMESPACE_URL, "truckroll:demo:renewal-calls")
# The fixed token makes the launch happen once in a data folder's life.
LAUNCH_TOKEN = uuid.uuid5(uuid.NAMESPACE_URL, "truckroll:demo:first-wave")


class NotPrepared(Exception):
    """The demo company could not be completed; the text says why. The next start goes on from here."""


def prepare(environ: Mapping[str, str], *, now: datetime, known_passwords: bool) -> str:
    """Bring the demo company to completion and return one line of what there is; "" if nothing was to do.

    `known_passwords` lets people sign in with the published password: for the embedded database only. A
    database that holds other companies is left alone. Raises NotPrepared.
    """
    account = Account.objects.filter(name=NAME).order_by("pk").first()
    if account is None and Account.objects.exists():
        return "this database holds a company of its own, so there is no demo company"
    account = account or people.open_account(name=NAME, timezone=ZONE)
    if _plays(environ):
        consent.declare_simulated(account)
    if known_passwords:
        _people(account)
    Brand.objects.get_or_create(account=account, defaults={"colour": COLOUR, "phone": PHONE})
    if amiss := first_account.connect(account, environ):
        raise NotPrepared(" ".join(amiss))
    if Campaign.objects.filter(launch_token=LAUNCH_TOKEN).exists():
        return ""
    _synchronise(account, now)
    numbers = list(SendingNumber.objects.filter(account=account, active=True).order_by("pk"))
    audiences = _audiences(account)
    version = _version(account, now)
    if not numbers or not providers.is_loopback(environ.get("TWILIO_API_BASE_URL", "")):
        return f"{NAME} is ready; nothing was launched, because its texts would leave this machine"
    admin = User.objects.filter(memberships__account=account, memberships__role=Role.ADMIN).first()
    CallSettings.objects.get_or_create(
        account=account,
        defaults={"office_line": OFFICE_LINE, "transfer_to": CallSettings.Transfer.AGENTS_THEN_OFFICE},
    )
    members = next(each for each in audiences if each.name == CALLS_AUDIENCE)
    # The first wave comes last: where it is, everything is.
    _launch(
        account, members, _calls_version(account, now), numbers[:1], name=CALLS_CAMPAIGN, token=CALLS_TOKEN,
        by=admin, now=now,
    )  # fmt: skip
    _launch(account, audiences[0], version, numbers, name=CAMPAIGN, token=LAUNCH_TOKEN, by=admin, now=now)
    return f"{NAME} is ready with {account.contacts.count():,} contacts and two campaigns under way"


def sign_ins() -> list[str]:
    """What to print about signing in, for a database where everybody has the published password."""
    members = set(Membership.objects.filter(account__name=NAME).values_list("user__email", flat=True))
    return [f"Sign in as {email} with the password {PASSWORD}" for email, *_ in PEOPLE if email in members]


def _plays(environ: Mapping[str, str]) -> bool:
    """Whether customers and carrier are the sandbox's."""
    return all(
        providers.is_loopback(environ.get(f"{p}_API_BASE_URL", "")) for p in ("TWILIO", "SERVICETITAN")
    )


def _people(account: Account) -> None:
    """Everybody of PEOPLE who is not a member yet."""
    members = set(Membership.objects.filter(account=account).values_list("user__email", flat=True))
    for email, role, name in PEOPLE:
        if email not in members:
            people.add(account=account, email=email, password=PASSWORD, name=name, role=role, by=None)


def _synchronise(account: Account, now: datetime) -> None:
    """Mirror ServiceTitan to the end, once; afterwards the rings every five minutes keep it up to date."""
    complete = SyncCursor.objects.filter(account=account, entity="appointments").exclude(synced_at=None)
    if complete.exists():
        return
    try:
        client = connections.servicetitan(account)
    except connections.NotConnected:
        return
    report = servicetitan_sync.sync(account, client=client, now=now)
    if report.error:
        raise NotPrepared(f"ServiceTitan's data could not be read: {report.error}")


def _audiences(account: Account) -> list[Audience]:
    """The audience of the first wave, and others that nobody has reached yet."""
    rules: dict[str, dict[str, Any]] = {
        "Furnace tune-up due: no visit for six months": {
            "kind": "residential",
            "days_since_last_job_min": 182,
        },
        "West unit, maintenance members": {
            "kind": "residential",
            "tags": _ids(Tag, account, "Maintenance member", "Comfort club"),
            "business_units": _ids(BusinessUnit, account, "HVAC West"),
        },
        "Furnace over ten years old, seen lately": {
            "kind": "residential",
            "tags": _ids(Tag, account, "Furnace >10 yrs"),
            "days_since_last_job_max": 181,
        },
        "All homes": {"kind": "residential"},
    }
    return [
        Audience.objects.get_or_create(account=account, name=name, defaults={"rules": rule})[0]
        for name, rule in rules.items()
    ]


def _ids(model: Any, account: Account, *names: str) -> list[int]:
    return list(
        model.objects.filter(account=account, name__in=names).order_by("pk").values_list("pk", flat=True)
    )


@transaction.atomic
def _version(account: Account, now: datetime) -> WorkflowVersion:
    """The published workflow."""
    made, _ = Workflow.objects.get_or_create(
        account=account,
        name=WORKFLOW.name,
        defaults={"description": WORKFLOW.description, "created_at": now},
    )
    published = made.versions.exclude(published_at=None).order_by("number").first()
    if published is not None:
        return published
    job_type = JobType.objects.filter(account=account, name=TUNE_UP).first()
    able = SendingMailbox.objects.of(account.pk) is not None
    workflow = WORKFLOW if able else replace(WORKFLOW, booked_email=None, last_email=None)
    drawn = starters.nodes(workflow, job_type=job_type.servicetitan_id if job_type else None)
    version = publishing.draft(made, nodes=drawn, edges=starters.edges(workflow), by=None, now=now)
    publishing.publish(version, by=None, now=now)
    version.refresh_from_db()
    return version


@transaction.atomic
def _calls_version(account: Account, now: datetime) -> WorkflowVersion:
    """The published workflow of calls by a person."""
    made, _ = Workflow.objects.get_or_create(
        account=account,
        name=CALLS_WORKFLOW,
        defaults={
            "description": "A person calls; who is not reached gets a text. The waits are minutes here.",
            "created_at": now,
        },
    )
    published = made.versions.exclude(published_at=None).order_by("number").first()
    if published is not None:
        return published
    version = publishing.draft(made, nodes=CALLS_NODES, edges=CALLS_EDGES, by=None, now=now)
    publishing.publish(version, by=None, now=now)
    version.refresh_from_db()
    return version


def _launch(
    account: Account,
    audience: Audience,
    version: WorkflowVersion,
    numbers: Sequence[SendingNumber],
    *,
    name: str,
    token: uuid.UUID,
    by: User | None,
    now: datetime,
) -> None:
    """Launch a campaign from these numbers, through the same door as everybody."""
    playbook, _ = Playbook.objects.get_or_create(account=account, name=PLAYBOOK)
    draft = launching.Draft(
        name=name,
        version=version,
        audience=audience,
        number=numbers[0],
        others=tuple(numbers[1:]),
        playbook=playbook,
        token=token,
    )
    try:
        launching.launch(account, draft, by=by, now=now)
    except launching.LaunchRefused as refused:
        raise NotPrepared(f"The demo campaign was refused: {refused}") from refused
