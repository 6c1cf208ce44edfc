"""Rows of a contractor that can launch and converse, made with the product's own models and rules.

Plain functions for tests of every area; each makes what it needs and nothing more.
"""

import io
from collections.abc import Sequence
from itertools import count
from typing import Any

from PIL import Image

from accounts.models import Account, Role, User
from audiences import consent
from audiences.hours import default_window, zone_set_for
from audiences.models import Address, Audience, Contact, ContactAddress, Household
from campaigns import publishing
from campaigns.models import Workflow, WorkflowVersion
from common import clock
from conversations import call_scripts, media
from conversations.models import Call, Lane, MediaFile, Message, PlannedCall, Reading, Thread
from integrations.models import Connection, SendingMailbox, SendingNumber
from tests.accounts import making

_numbers = count(1)
_AREAS = (205, 214, 251, 256, 316, 318, 319, 405, 414, 417, 501, 504, 515, 608, 612, 615)

TUNE_UP_NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("first_text", "send_sms", {"body": "Hi {{ first_name }}, {{ company }} here. Time for a tune-up?"}),
    ("reply", "wait_for_reply", {"timeout_minutes": 60}),
    ("booking", "book_job", {"summary": "Tune-up"}),
    ("done", "end", {}),
]
TUNE_UP_EDGES = [
    ("first_text", "next", "reply"),
    ("reply", "booking_yes", "booking"),
    ("reply", "no_reply", "done"),
    ("reply", "next", "done"),
    ("booking", "next", "done"),
]


def make_account(name: str = "", timezone: str = "America/Chicago") -> Account:
    """A contractor with a name of its own and invented customers, so that it may launch."""
    account = making.make_account(name, timezone)
    consent.declare_simulated(account)
    return account


def make_user(account: Account, role: Role | str = Role.ADMIN, name: str = "") -> User:
    """A person with this role in this account."""
    return making.make_member(account, Role(role), making.make_user(name=name))


def make_contact(account: Account, phone: str = "+13125550101", **fields: Any) -> Contact:
    """A customer in Chicago whose first phone is `phone`; somebody who has it already shares it."""
    number = next(_numbers)
    first_name = fields.setdefault("first_name", "Pat")
    last_name = fields.setdefault("last_name", f"Customer {number}")
    fields.setdefault("name", f"{first_name} {last_name}")
    fields.setdefault("servicetitan_customer_id", 500_000 + number)
    fields.setdefault("state", "IL")
    fields.setdefault("zip", "60601")
    if "household" not in fields:
        fields["household"] = Household.objects.create(account=account, key=f"home:{500_000 + number}")
    if "zone_set" not in fields:
        fields["zone_set"] = zone_set_for(state="IL", zip_code="60601", phones=[phone])
    contact = Contact.objects.create(account=account, **fields)
    address, _ = Address.objects.get_or_create(account=account, channel=Address.Channel.PHONE, value=phone)
    ContactAddress.objects.create(contact=contact, address=address)
    return contact


def make_contacts(account: Account, phones: Sequence[str]) -> list[Contact]:
    """The customers that `make_contact` would make of these phones, all at once."""
    numbers = [next(_numbers) for _ in phones]
    zone_sets = {
        phone[:5]: zone_set_for(state="IL", zip_code="60601", phones=[phone])
        for phone in {phone[:5]: phone for phone in phones}.values()
    }
    households = Household.objects.bulk_create(
        Household(account=account, key=f"home:{500_000 + number}") for number in numbers
    )
    contacts = Contact.objects.bulk_create(
        Contact(
            account=account, first_name="Pat", last_name=f"Customer {number}", name=f"Pat Customer {number}",
            servicetitan_customer_id=500_000 + number, state="IL", zip="60601", household=household,
            zone_set=zone_sets[phone[:5]],
        )
        for number, household, phone in zip(numbers, households, phones, strict=True)
    )  # fmt: skip
    Address.objects.bulk_create(
        (Address(account=account, channel=Address.Channel.PHONE, value=phone) for phone in phones),
        ignore_conflicts=True,
    )
    known = Address.objects.filter(account=account, channel=Address.Channel.PHONE, value__in=phones)
    by_phone = {address.value: address for address in known}
    ContactAddress.objects.bulk_create(
        ContactAddress(contact=contact, address=by_phone[phone])
        for contact, phone in zip(contacts, phones, strict=True)
    )
    return contacts


def phone_of(contact: Contact) -> Address:
    """The contact's first phone."""
    link = ContactAddress.objects.select_related("address").filter(contact=contact)
    return link.order_by("position", "pk")[0].address


def make_number(
    account: Account,
    e164: str = "+13125550190",
    segments_per_second: int = 1000,
    base_url: str = "http://127.0.0.1:9",
    **fields: Any,
) -> SendingNumber:
    """A number to send from, with the account's Twilio connection. E.164 is unique in the deployment."""
    connection, _ = Connection.objects.get_or_create(
        account=account,
        provider=Connection.Provider.TWILIO,
        defaults={
            "settings": {"account_sid": f"AC{account.pk:032x}", "base_url": base_url},
            "credentials": {"auth_token": f"token-{account.pk}"},
        },
    )
    return SendingNumber.objects.create(
        account=account,
        connection=connection,
        e164=e164,
        segments_per_second=segments_per_second,
        **fields,
    )


def make_mailbox(
    account: Account, base_url: str = "http://127.0.0.1:9", api_key: str = "SG.key", **fields: Any
) -> SendingMailbox:
    """The mailbox an account sends from, with its SendGrid connection."""
    connection, _ = Connection.objects.get_or_create(
        account=account,
        provider=Connection.Provider.SENDGRID,
        defaults={"settings": {"base_url": base_url}, "credentials": {"api_key": api_key}},
    )
    chosen = {
        "email": "office@comfort.example", "name": "Comfort Air", "emails_per_second": 1000,
        "postal_address": "12 Elm Street, Springfield, IL 62701", **fields,
    }  # fmt: skip
    return SendingMailbox.objects.create(account=account, connection=connection, **chosen)


def give_mailbox(contact: Contact, value: str = "", *, position: int = 5, **fields: Any) -> Address:
    """A mailbox of the contact's, by default one of its own; somebody who has it already shares it."""
    value = value or f"contact{contact.pk}@example.org"
    address, _ = Address.objects.get_or_create(
        account=contact.account, channel=Address.Channel.EMAIL, value=value, defaults=fields
    )
    ContactAddress.objects.create(contact=contact, address=address, position=position)
    return address


def make_campaign_lane(account: Account) -> Lane:
    """A campaign's lane without its campaign."""
    window = default_window()
    return Lane.objects.create(account=account, kind=Lane.Kind.CAMPAIGN, name="Tune-ups", window=window)


def plan_call(contact: Contact, *, tries: call_scripts.Tries | None = None, **fields: Any) -> PlannedCall:
    """A planned call to the contact's first phone that is due, of a campaign's lane unless `fields` say
    otherwise; with `tries` its script tries as often."""
    account, now = contact.account, fields.pop("now", None) or clock.now()
    number = SendingNumber.objects.filter(account=account).first() or make_number(account)
    lanes = Lane.objects.filter(account=account, kind=Lane.Kind.CAMPAIGN)
    chosen: dict[str, Any] = {
        "account": account, "contact": contact, "address": phone_of(contact), "number": number,
        "kind": PlannedCall.Kind.CAMPAIGN, "mode": PlannedCall.Mode.PERSON, "state": PlannedCall.State.QUEUED,
        "state_at": now, "created_at": now, "due_at": now, **fields,
    }  # fmt: skip
    if "lane" not in chosen:
        chosen["lane"] = lanes.first() or make_campaign_lane(account)
    if "script" not in chosen and (tries or chosen["mode"] == "script"):
        words = call_scripts.Spoken(en="Hi {{ first_name }}, this is Comfort Air.")
        plan = call_scripts.Plan(mode=chosen["mode"], words=words, tries=tries or call_scripts.Tries())
        chosen |= {
            "script": call_scripts.stored(account, plan),
            "variables": chosen.get("variables", {"first_name": "Ann"}),
        }
    return PlannedCall.objects.create(**chosen)


def make_recorded_call(account: Account) -> Call:
    """A customer's call that was recorded, from somebody named after the account."""
    number = SendingNumber.objects.filter(account=account).first() or make_number(
        account, reserved(account.pk)
    )
    contact = make_contact(account, name=f"Caller of {account.name}")
    return Call.objects.create(
        account=account, direction=Call.Direction.IN, contact=contact, address=phone_of(contact),
        number=number, state=Call.State.COMPLETED, provider_id=f"CA{account.pk}", recording_id="RE1",
        recording_seconds=42,
    )  # fmt: skip


def make_audience(account: Account, rules: dict[str, Any] | None = None, name: str = "") -> Audience:
    """An audience; without rules, every active contact."""
    return Audience.objects.create(
        account=account, name=name or f"Audience {next(_numbers)}", rules=rules or {}
    )


def make_workflow(
    account: Account,
    nodes: Sequence[tuple[str, str, dict[str, Any]]] = TUNE_UP_NODES,
    edges: Sequence[tuple[str, str, str]] = TUNE_UP_EDGES,
    publish: bool = True,
    name: str = "",
    workflow: Workflow | None = None,
) -> WorkflowVersion:
    """A version of a workflow (a new one unless given), published unless told otherwise.

    `nodes` are (key, kind, settings), the first one first; `edges` are (source key, label, target key).
    """
    now = clock.now()
    workflow = workflow or Workflow.objects.create(account=account, name=name or f"Workflow {next(_numbers)}")
    named = [(key, kind, key.replace("_", " ").capitalize(), settings) for key, kind, settings in nodes]
    version = publishing.draft(workflow, nodes=named, edges=edges, by=None, now=now)
    if publish:
        publishing.publish(version, by=None, now=now)
        version.refresh_from_db()
    return version


def reserved(number: int) -> str:
    """A number that belongs to nobody: 555-01xx in area codes of Central time, around and around."""
    return f"+1{_AREAS[number // 100 % len(_AREAS)]}55501{number % 100:02}"


def make_thread(
    account: Account, phone: str = "", body: str = "Do you have Friday?", **contact: Any
) -> Thread:
    """An open thread of a new contact who has written and waits for a reply."""
    number = next(_numbers)
    writer = make_contact(account, phone or reserved(2 * number), **contact)
    ours = SendingNumber.objects.filter(account=account).first()
    ours = ours or make_number(account, reserved(2 * number + 1))
    thread = Thread.objects.create(
        account=account, contact=writer, address=phone_of(writer), number=ours, needs_reply=True
    )
    make_inbound(thread, body)
    return thread


def make_inbound(thread: Thread, body: str = "Do you have Friday?", label: str = "question") -> Message:
    """A text from the thread's customer, with its reading."""
    now = clock.now()
    message = Message.objects.create(
        account=thread.account,
        contact=thread.contact,
        address=thread.address,
        number=thread.number,
        kind=Message.Kind.INBOUND,
        body=body,
        state=Message.State.RECEIVED,
        state_at=now,
        created_at=now,
    )
    Reading.objects.create(message=message, label=label, outcome=Reading.Outcome.HOLD, detector="by hand")
    Thread.objects.filter(pk=thread.pk).update(last_message_at=now, last_inbound_at=now)
    thread.refresh_from_db()
    return message


def make_file(account: Account, name: str = "roof.png", *, color: str = "red") -> MediaFile:
    """A small picture that may go with texts."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(out, "PNG")
    user = User.objects.filter(memberships__account=account).first() or make_user(account)
    return media.keep(account, out.getvalue(), name, by=user, now=clock.now())
