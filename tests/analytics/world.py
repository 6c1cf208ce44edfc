"""One contractor with a small campaign, made row by row, for tests of what is counted."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Account
from analytics import attribution
from audiences.models import Address, Audience, Contact, Household, Invoice, Job, SendWindow, ZoneSet
from campaigns.models import Booking, Campaign, Enrollment, Exclusion, Node, Step, Workflow, WorkflowVersion
from conversations.models import Call, Lane, Message, PlannedCall
from integrations.models import Connection, SendingNumber

NOON = datetime(2026, 5, 5, 12, 0, 30, tzinfo=UTC)
_numbers = count(1)


@dataclass
class World:
    """An account with a workflow of text, wait, text, booking; campaigns and contacts are added."""

    account: Account
    number: SendingNumber
    version: WorkflowVersion
    nodes: dict[str, Node]
    campaigns: list[Campaign] = field(default_factory=list)

    @property
    def campaign(self) -> Campaign:
        return self.campaigns[0]

    def add_campaign(self, *, credit_window_days: int = 30, status: str = "active") -> Campaign:
        """Another campaign of the same workflow."""
        n = next(_numbers)
        audience = Audience.objects.create(account=self.account, name=f"Everybody {n}")
        window, _ = SendWindow.objects.get_or_create(start_minute=540, end_minute=1140, days=63)
        campaign = Campaign.objects.create(
            account=self.account,
            name=f"Tune-up {n} of {self.account.name}",
            version=self.version,
            audience=audience,
            number=self.number,
            window=window,
            lane=Lane.objects.create(account=self.account, kind="campaign", name=f"Tune-up {n}"),
            status=status,
            launched_at=NOON,
            credit_window_days=credit_window_days,
        )
        self.campaigns.append(campaign)
        return campaign

    def add_contact(self, customer: int | None = None, person: str = "") -> Contact:
        """A contact with a household of its own, of a new customer unless one is given."""
        n = next(_numbers)
        zone_set, _ = ZoneSet.objects.get_or_create(
            key="America/Chicago", defaults={"zones": ["America/Chicago"]}
        )
        return Contact.objects.create(
            account=self.account,
            servicetitan_customer_id=customer or 10_000 + n,
            person=person,
            name=f"Contact {n} of {self.account.name}",
            household=Household.objects.create(account=self.account, key=f"home-{n}"),
            zone_set=zone_set,
        )

    def enrol(
        self, contact: Contact | None = None, campaign: Campaign | None = None, at: datetime = NOON
    ) -> Enrollment:
        """An enrollment with a phone of its own."""
        return Enrollment.objects.create(
            campaign=campaign or self.campaign,
            version=self.version,
            contact=contact or self.add_contact(),
            address=Address.objects.create(
                account=self.account, channel="phone", value=f"+1312{next(_numbers):07}"
            ),
            entered_at=at,
        )

    def step(
        self, enrollment: Enrollment, key: str = "first_text", state: str = "scheduled", at: datetime = NOON
    ) -> Step:
        """A step of this enrollment, entered and in its state since `at`."""
        return Step.objects.create(
            campaign_id=enrollment.campaign_id,
            enrollment=enrollment,
            node=self.nodes[key],
            state=state,
            state_at=at,
            created_at=at,
            due_at=at if state == "scheduled" else None,
            reason="opted out" if state in ("failed", "skipped") else "",
        )

    def text(self, step: Step, state: str = "queued", at: datetime = NOON, accepted: bool = False) -> Message:
        """The message of a step."""
        return Message.objects.create(
            account=self.account,
            lane=step.campaign.lane,
            contact_id=step.enrollment.contact_id,
            address_id=step.enrollment.address_id,
            number=self.number,
            kind="campaign",
            origin=f"step:{step.pk}",
            body="Time for your tune-up?",
            state=state,
            state_at=at,
            created_at=at,
            due_at=at if state == "queued" else None,
            accepted_at=at if accepted or state == "delivered" else None,  # nothing arrives unaccepted
        )

    def touch(
        self,
        contact: Contact | None = None,
        campaign: Campaign | None = None,
        at: datetime = NOON,
        key: str = "first_text",
    ) -> Step:
        """An enrollment whose text the carrier accepted at `at`."""
        step = self.step(self.enrol(contact, campaign, at), key, "completed", at)
        self.text(step, "accepted", at, accepted=True)
        return step

    def add_call_node(self, key: str = "call", version: WorkflowVersion | None = None) -> Node:
        """A node that calls, behind the others."""
        version = version or self.version
        position = Node.objects.filter(version=version).count()
        self.nodes[key] = Node.objects.create(
            version=version, key=key, kind="call", name=key.replace("_", " "), position=position
        )
        return self.nodes[key]

    def planned(
        self, step: Step, state: str = "queued", at: datetime = NOON, outcome: str = "", **values: Any
    ) -> PlannedCall:
        """The planned call of a step; one that is `called` was answered unless told otherwise."""
        lane = step.campaign.lane
        assert lane is not None
        planned: PlannedCall = PlannedCall.objects.create(
            account=self.account,
            lane=lane,
            contact_id=step.enrollment.contact_id,
            address_id=step.enrollment.address_id,
            number=self.number,
            origin=f"step:{step.pk}",
            state=state,
            state_at=at,
            created_at=at,
            outcome=outcome or ("answered" if state == "called" else ""),
            due_at=at if state in ("queued", "taken") else None,
            taken_until=at if state == "taken" else None,
            **{"kind": "campaign", "mode": "person", **values},
        )
        return planned

    def tried(self, planned: PlannedCall, at: datetime = NOON, **values: Any) -> Call:
        """A try of a planned call that the carrier took at `at`; the planned call knows of its first."""
        if planned.first_accepted_at is None:
            PlannedCall.objects.filter(pk=planned.pk).update(first_accepted_at=at)
            planned.first_accepted_at = at
        tries = Call.objects.filter(planned=planned).count()
        return Call.objects.create(
            account=self.account,
            planned=planned,
            **{
                "contact_id": planned.contact_id,
                "address_id": planned.address_id,
                "number": self.number,
                "try_number": tries + 1,
                "direction": "out",
                "state": "completed",
                "created_at": at,
                "accepted_at": at,
                **values,
            },
        )

    def called(
        self, contact: Contact | None = None, campaign: Campaign | None = None, at: datetime = NOON,
        outcome: str = "answered",
    ) -> Step:  # fmt: skip
        """An enrollment that was called once, at `at`, with this outcome."""
        if "call" not in self.nodes:
            self.add_call_node()
        step = self.step(self.enrol(contact, campaign, at), "call", "completed", at)
        self.tried(self.planned(step, "called", at, outcome), at, outcome=outcome, seconds=65)
        return step

    def exclude(self, reason: str = "opted_out", at: datetime = NOON) -> Exclusion:
        """A contact that was matched and not admitted."""
        return Exclusion.objects.create(
            campaign=self.campaign, contact=self.add_contact(), reason=reason, at=at
        )

    def book(self, step: Step, *, converted: bool = True, by_booking: bool = False) -> Booking:
        """Our request to book for the contact of this step; its job id is known unless told otherwise."""
        n = next(_numbers)
        linked = converted and not by_booking
        return Booking.objects.create(
            account=self.account,
            external_id=f"booking-{n}",
            contact=step.enrollment.contact,
            enrollment=step.enrollment,
            state="converted" if linked else "accepted",
            servicetitan_id=500_000 + n,
            servicetitan_job_id=900_000 + n if linked else None,
        )

    def job(self, booking: Booking, *, at: datetime, **values: object) -> Job:
        """The contractor's job that a booking became, made in ServiceTitan at `at`."""
        defaults = {
            "servicetitan_id": booking.servicetitan_job_id or 900_000 + next(_numbers),
            "servicetitan_customer_id": booking.contact.servicetitan_customer_id,
            "servicetitan_booking_id": booking.servicetitan_id,
            "status": "Scheduled",
        }
        return Job.objects.create(account=self.account, created_on=at, **{**defaults, **values})

    def won_job(self) -> Job:
        """A job that the first text of the campaign won, judged."""
        job = self.job(self.book(self.touch()), at=later(60))
        attribution.credit([job.pk])
        return job

    def invoice(self, job: Job | None, total: object, **values: object) -> Invoice:
        """An invoice of a job, or of none."""
        n = next(_numbers)
        return Invoice.objects.create(
            account=self.account,
            **{
                "servicetitan_id": 300_000 + n,
                "servicetitan_job_id": job.servicetitan_id if job else None,
                "number": str(300_000 + n),
                "total": total,
                "invoiced_at": NOON + timedelta(days=1),
                **values,
            },
        )


KINDS = {
    "first_text": "send_sms",
    "reply": "wait_for_reply",
    "second_text": "send_sms",
    "booking": "book_job",
    "done": "end",
}


def build(zone: str = "America/Chicago", account: Account | None = None) -> World:
    """A world with one active campaign and nobody in it, in an account of its own unless one is given."""
    n = next(_numbers)
    if account is None:
        account = Account.objects.create(name=f"Comfort {n}", slug=f"comfort-{n}", timezone=zone)
    twilio, _ = Connection.objects.get_or_create(account=account, provider="twilio")
    number = SendingNumber.objects.create(account=account, connection=twilio, e164=f"+1773{n:07}")
    workflow = Workflow.objects.create(account=account, name=f"Tune-up season {n}")
    version = WorkflowVersion.objects.create(workflow=workflow, number=1)
    nodes = {
        key: Node.objects.create(version=version, key=key, kind=kind, name=key.replace("_", " "), position=i)
        for i, (key, kind) in enumerate(KINDS.items())
    }
    world = World(account, number, version, nodes)
    world.add_campaign()
    return world


def later(minutes: float) -> datetime:
    """Noon plus so many minutes."""
    return NOON + timedelta(minutes=minutes)
