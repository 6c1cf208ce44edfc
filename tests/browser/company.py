"""A contractor in the middle of a season, and one on the first day: what every page is looked at with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model

from accounts.models import Account, BusinessUnit, Role, User
from analytics import attribution
from audiences.models import Audience, Contact, ContactTag
from campaigns.models import Campaign, LinkCode, Step, TrackedLink, WorkflowVersion
from common import clock
from conversations import call_scripts, opt_outs, threads
from conversations.call_scripts import Plan, Spoken
from conversations.models import AgentPhone, Call, Message, PlannedCall, Thread
from tests import factories
from tests.accounts.making import make_account, make_member, make_user
from tests.analytics.world import World
from tests.architecture.url_rules import EXAMPLES
from tests.audiences import people

NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("first_text", "send_sms", {"body": "Hi {{ first_name }}, {{ company }} here. Time for a tune-up?"}),
    ("reply", "wait_for_reply", {"timeout_minutes": 2880}),
    ("second_text", "send_sms", {"body": "Still time before the cold. Shall we come by?"}),
    ("second_reply", "wait_for_reply", {"timeout_minutes": 4320}),
    ("booking", "book_job", {"summary": "Tune-up"}),
    ("booked_text", "send_sms", {"body": "You're all set. We'll call you to confirm the time."}),
    ("done", "end", {}),
]
EDGES = [
    ("first_text", "next", "reply"),
    ("reply", "booking_yes", "booking"),
    ("reply", "no_reply", "second_text"),
    ("reply", "next", "done"),
    ("second_text", "next", "second_reply"),
    ("second_reply", "booking_yes", "booking"),
    ("second_reply", "no_reply", "done"),
    ("second_reply", "next", "done"),
    ("booking", "next", "booked_text"),
    ("booking", "otherwise", "done"),
    ("booked_text", "next", "done"),
]
NAMES = (
    "Ann Doe", "Bartholomew Featherstonehaugh-Montgomery", "Chen Wei", "Dolores O’Malley", "Émile Zürcher",
    "Fay Ng", "Gus Okafor", "Hanna Lindqvist", "Ike Abernathy", "Juana de la Cruz Villanueva",
)  # fmt: skip
WORDS = (
    "Do you have Friday?",
    "How much is it for two furnaces? We also have a heat pump in the garage that makes a rattling noise.",
    "Who is this",
    "https://example.com/a-very-long-address-without-any-place-to-break/0123456789012345678901234567890123",
    "Please call me after 5 🙂",
)


@dataclass
class Company:
    """An account, its people by role, and the rows that addresses name, by the key of EXAMPLES."""

    account: Account
    users: dict[str, User]
    rows: dict[str, Any]
    world: World | None = None

    def argument(self, key: str) -> Any:
        """What fills an address: the company's own example, else one made now and kept."""
        if key not in self.rows:
            self.rows[key] = EXAMPLES[key](self.account)
        row = self.rows[key]
        return row.pk if isinstance(row, Model) else row


def with_people(name: str) -> Company:
    """An account with one person of each role, and nothing else."""
    account = make_account(name)
    slug = account.slug
    users = {
        role.value: make_member(account, role, make_user(f"{role}@{slug}.example", f"{role.label} Person"))
        for role in Role
    }
    return Company(account, users, {})


def full() -> Company:
    """A contractor in the middle of a season."""
    company = with_people("Blue Ridge Heating & Air")
    account, now = company.account, clock.now()
    contacts = _contacts(account, now)
    version = factories.make_workflow(account, NODES, EDGES, name="Tune-up season")
    factories.make_workflow(account, NODES, EDGES, name="", publish=False, workflow=version.workflow)
    world = company.world = _world(account, version)
    _passages(world, contacts, now)
    _links(world, now)
    _other_campaigns(world, now)
    company.rows |= {
        "campaign": world.campaign,
        "workflow version": version,
        "workflow": version.workflow,
        "contact": contacts[0],
        "audience": _audiences(account),
        "thread": _threads(company, now),
    }
    _calls(company, contacts, now)
    return company


def _calls(company: Company, contacts: list[Contact], now: datetime) -> None:
    """The call queue, and calls as far as they go, all of them the admin's."""
    account, admin = company.account, company.users["admin"]
    AgentPhone.objects.create(account=account, user=admin, phone="+13125550177", available_since=now)
    words = Spoken(en="Hi {{ first_name }}, this is Blue Ridge.\n\nWould a morning suit you better?")
    script = call_scripts.stored(account, Plan(words=words))
    lane = company.world.campaign.lane if company.world else None

    def plan(n: int, **fields: Any) -> PlannedCall:
        due = now - timedelta(minutes=10 * n + 5)
        return factories.plan_call(
            contacts[n], lane=lane, script=script, variables={"first_name": "Ann"}, due_at=due, **fields
        )

    for n in range(12):
        plan(n, **({"kind": "call_back"} if n == 4 else {"code": "another_time"} if n == 5 else {}))
    company.rows["waiting call"] = plan(20)
    mine = {"state": "taken", "taken_by": admin, "taken_until": datetime(2100, 1, 1, tzinfo=UTC)}
    tried = company.rows["planned call"] = plan(21, **mine)
    _try(tried, admin, now - timedelta(days=1), outcome="no_answer", note="Rang eight times. Works until 4.")
    talking = company.rows["talking call"] = plan(22, **mine | {"state": "calling"})
    _try(talking, admin, now - timedelta(minutes=2), state="in_progress", ended_at=None)
    _try(company.rows.setdefault("ended call", plan(23, **mine)), admin, now - timedelta(minutes=5))
    ending = company.rows["ending call"] = plan(24, **mine | {"state": "calling"})
    on_the_line = {"state": "in_progress", "ended_at": None}
    _try(ending, admin, now - timedelta(minutes=3), hang_up_at=now, **on_the_line)
    scripted = company.rows["script call"] = plan(25, mode="script", state="calling")
    _try(scripted, None, now - timedelta(seconds=20), agent_phone="", connected_at=None, **on_the_line)


def _try(planned: PlannedCall, by: User | None, at: datetime, **fields: Any) -> Call:
    """One call to somebody, answered and over unless `fields` say otherwise."""
    chosen = {
        "state": "completed", "created_at": at, "accepted_at": at, "answered_at": at, "connected_at": at,
        "ended_at": at + timedelta(seconds=95), "seconds": 95, "agent_phone": "+13125550177", **fields,
    }  # fmt: skip
    return Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, by=by, **chosen,
    )  # fmt: skip


def _contacts(account: Account, now: datetime) -> list[Contact]:
    gold = people.tag(account, "Gold maintenance plan with yearly visits")
    unit: BusinessUnit = people.unit(account, "HVAC service, western suburbs")
    kind = people.job_type(account, "Furnace tune-up")
    found = []
    for n in range(60):
        first, _, last = NAMES[n % len(NAMES)].partition(" ")
        contact = factories.make_contact(
            account, factories.reserved(700 + n), first_name=first, last_name=f"{last} {n}",
            street=f"{100 + n} Featherstone Street", city="Chicago",
            kind="residential" if n % 7 else "commercial",
        )  # fmt: skip
        ContactTag.objects.create(contact=contact, tag=gold)
        people.job(contact, unit, kind, total=f"{180 + n}.50", created_on=now - timedelta(days=300 + n))
        found.append(contact)
    Contact.objects.filter(pk=found[-1].pk).update(active=False)
    return found


def _audiences(account: Account) -> Audience:
    Audience.objects.create(account=account, name="Broken", rules={"planet": "Mars"})
    return factories.make_audience(account, {"kind": "residential"}, "Homes whose last tune-up is a year ago")


def _world(account: Account, version: WorkflowVersion) -> World:
    number = factories.make_number(account, factories.reserved(650), label="Main line")
    nodes = {node.key: node for node in version.nodes.all()}
    world = World(account, number, version, nodes)
    world.add_campaign()
    return world


def _passages(world: World, contacts: list[Contact], now: datetime) -> None:
    """Enrollments in every state, some booked."""
    for n, contact in enumerate(contacts[:40]):
        at = now - timedelta(minutes=5 * n + 1)
        if n < 8:
            world.step(world.enrol(contact, at=at), "first_text", ("scheduled", "queued")[n % 2], at)
            continue
        step = world.touch(contact, at=at)
        if n < 20:
            world.step(step.enrollment, "reply", "waiting", at)
        elif n < 30:
            world.step(step.enrollment, "reply", "completed", at)
            world.step(step.enrollment, "booking", "completed", at)
            job = world.job(world.book(step), at=now, total="240.00")
            attribution.credit([job.pk])
        else:
            world.step(step.enrollment, "reply", ("failed", "skipped")[n % 2], at)
    for _ in range(3):
        world.exclude(at=now)


def _links(world: World, now: datetime) -> None:
    """Two links of the first text: some people followed them, a machine did, one is no longer opened."""
    steps = Step.objects.filter(campaign=world.campaign, node__key="first_text", state="completed")[:12]
    for place, path in enumerate(
        ("book", f"season/{'furnace-and-air-conditioner-' * 4}2026?offer={{{{ city }}}}")
    ):
        url = f"https://www.blue-ridge.example/{path}"
        link = TrackedLink.objects.create(
            campaign=world.campaign, node_key="first_text", position=place + 1, url=url, destination=url,
            digest=f"link {place}",
        )  # fmt: skip
        for n, step in enumerate(steps):
            LinkCode.objects.create(
                id=100 * place + n, link=link, step=step, clicked_at=now if n % 3 == place else None,
                machine_at=now if n == 5 else None, expires_at=now + timedelta(days=n - 1),
            )  # fmt: skip
    sent = Message.objects.filter(origin__in=[f"step:{step.pk}" for step in steps])
    sent.update(carries_link=True)


def _other_campaigns(world: World, now: datetime) -> None:
    names = {
        "scheduled": "Winter filter change for everybody who asked in spring and was told to wait",
        "paused": "Duct cleaning",
        "completed": "Spring check",
    }
    for status, name in names.items():
        campaign = world.add_campaign(status=status)
        starts = now + timedelta(days=2) if status == "scheduled" else None
        ended = now - timedelta(days=2) if status == "completed" else None
        Campaign.objects.filter(pk=campaign.pk).update(
            name=name, starts_at=starts, completed_at=ended, stopped_at=ended
        )


def _threads(company: Company, now: datetime) -> Thread:
    """Every state a thread may have; the returned one is open and long."""
    account, agent = company.account, company.users["agent"]
    found = [factories.make_thread(account, body=WORDS[n % len(WORDS)]) for n in range(14)]
    opt_outs.by_agent(found[0].contact, by=agent, evidence="asked on the phone", now=now)
    threads.close(found[1], by=agent, now=now)
    threads.escalate(found[2], reason="Wants to speak to the owner", by=agent, now=now)
    threads.assign(found[3], to=agent, by=agent, now=now)
    busy = found[4]
    threads.note(busy, body="Has a dog. Ring the side bell.", by=agent, now=now)
    for n in range(12):
        factories.make_inbound(busy, WORDS[n % len(WORDS)])
        _answer(busy, agent, n, now)
    company.rows["opted-out thread"] = Thread.objects.get(pk=found[0].pk)
    return busy


def _answer(thread: Thread, agent: User, n: int, now: datetime) -> None:
    state = ("delivered", "failed", "queued", "accepted")[n % 4]
    Message.objects.create(
        account=thread.account, contact=thread.contact, address=thread.address, number=thread.number,
        kind="agent", body=f"Friday at {n + 1} works. Shall we come by?", state=state, state_at=now,
        created_at=now, by=agent, reason="30005" if state == "failed" else "",
        accepted_at=now if state in ("delivered", "accepted") else None,
        due_at=now if state == "queued" else None,
    )  # fmt: skip
