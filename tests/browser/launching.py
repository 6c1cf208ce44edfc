"""A contractor about to launch, and campaigns in all that can hold them up."""

from datetime import timedelta
from typing import Any

from django.urls import reverse

from audiences import consent
from audiences.models import Audience
from campaigns import approving, canary, engine, enrolling, launching, lifecycle, playbooks, version_moves
from campaigns.launching import Draft
from campaigns.models import Campaign, LaunchDraft, LaunchRules, Step, VersionMove, WorkflowVersion
from campaigns.terms import Terms
from common import clock
from conversations.models import Message, UnitPause
from integrations.models import SendingNumber
from tests import factories
from tests.audiences import people
from tests.browser.company import EDGES, NODES, Company, with_people
from tests.browser.conftest import Site
from tests.campaigns.test_message_emails import EMAIL

NAME = "launching"
AREA = 900  # of reserved phones
MAILED = [*NODES[:2], ("letter", "send_email", EMAIL), *NODES[2:]]
TO_MAIL = [edge if edge[:2] != ("reply", "no_reply") else ("reply", "no_reply", "letter") for edge in EDGES]


class Town:
    """The company, and what a launch in it chooses."""

    def __init__(self) -> None:
        self.company: Company = with_people("Piedmont Heating & Air")
        self.account = self.company.account
        consent.declare_simulated(self.account)
        self.unit = people.unit(self.account, "Roofing")
        for n in range(6):
            person = factories.make_contact(
                self.account,
                factories.reserved(AREA + n),
                first_name=f"Pat{n}",
                last_name="Featherstonehaugh",
            )
            people.job(person, self.unit)
            if n < 2:
                factories.give_mailbox(person, f"pat{n}@example.org")
        factories.make_mailbox(self.account, email="office@piedmont.example", name="Piedmont")
        self.before: WorkflowVersion = factories.make_workflow(self.account, NODES, EDGES, name="Tune-up")
        edges = [*TO_MAIL, ("letter", "next", "second_text")]
        self.version = factories.make_workflow(self.account, MAILED, edges, workflow=self.before.workflow)
        self.audience: Audience = factories.make_audience(self.account, name="Everybody")
        self.number: SendingNumber = factories.make_number(
            self.account, factories.reserved(AREA + 50), label="Main line"
        )
        self.spare = factories.make_number(self.account, factories.reserved(AREA + 51), label="Spare line")
        self.spring = playbooks.add(self.account, "Spring", by=self.company.users["marketer"])
        old = playbooks.add(self.account, "Last year", by=self.company.users["marketer"])
        playbooks.archive(old, by=self.company.users["marketer"], now=clock.now())

    def draft(self, stage: str, **changes: Any) -> LaunchDraft:
        """The CSR's open draft, as somebody left it who had come as far as this."""
        tomorrow = clock.now() + timedelta(days=1)
        fields = {
            "name": "Spring tune-ups", "workflow": str(self.version.pk), "audience": str(self.audience.pk),
            "number": str(self.number.pk), "start": "later", "starts_at": f"{tomorrow:%Y-%m-%d}T10:00",
            **changes,
        }  # fmt: skip
        csr = self.company.users["csr"]
        LaunchDraft.objects.filter(account=self.account, user=csr).delete()
        return LaunchDraft.objects.create(account=self.account, user=csr, fields=fields, stage=stage)

    def launch(self, name: str, *, at: Any = None, **more: Any) -> Campaign:
        """A launched campaign of the first version, by the CSR."""
        hold = more.pop("hold", launching.AT_ONCE)
        chosen = {
            "name": name, "version": self.before, "audience": self.audience, "number": self.number,
            "playbook": self.spring, **more,
        }  # fmt: skip
        draft, by = Draft(**chosen), self.company.users["csr"]
        return launching.launch(self.account, draft, by=by, now=clock.now(), at=at, hold=hold)

    def running(self, name: str, **more: Any) -> Campaign:
        """One whose people are in and have been queued."""
        campaign = self.launch(name, **more)
        enrolling.enroll(campaign, now=clock.now())
        engine.run_round(now=clock.now())
        return campaign

    def held(self) -> Campaign:
        """One that can still be undone while this test looks."""
        return self.launch("Within the minute", hold=timedelta(minutes=10))

    def asked(self, name: str, *, refused: str = "") -> Campaign:
        """One that waits for a second person, or was refused by them."""
        LaunchRules.objects.update_or_create(account=self.account, defaults={"approval_above": 2})
        campaign = self.launch(name, version=self.version)
        LaunchRules.objects.filter(account=self.account).delete()
        if refused:
            by = self.company.users["marketer"]
            approving.refuse(campaign, by=by, now=clock.now(), reason=refused)
        return campaign

    def first_few(self) -> Campaign:
        """One whose first few are in, and the others wait."""
        campaign = self.launch("A few first", terms=Terms(canary_people=2))
        enrolling.enroll(campaign, now=clock.now())
        assert canary.waiting(campaign.pk) is not None
        return campaign

    def warned(self) -> Campaign:
        """One whose first few failed."""
        campaign = self.first_few()
        few = canary.waiting(campaign.pk)
        assert few is not None
        few.trouble = "Messages or calls to 2 of the first 2 failed, and the limit is 5%"
        few.save()
        lifecycle.pause(campaign, by=None, now=clock.now(), reason=few.trouble)
        return campaign

    def failed(self) -> Campaign:
        """One of whose texts some were refused, and of some nobody knows."""
        campaign = self.running("Refused texts")
        steps = Step.objects.filter(campaign=campaign).order_by("pk")
        for n, step in enumerate(steps):
            why = "failed:30003" if n % 2 else "delivery_unknown"
            message = step.message or self._text(step)
            Message.objects.filter(pk=message.pk).update(state="failed", due_at=None, code="30003")
            Step.objects.filter(pk=step.pk).update(
                state="failed", reason=why, due_at=None, message=message.pk
            )
        return campaign

    def _text(self, step: Step) -> Message:
        entered = step.enrollment
        return Message.objects.create(
            account=self.account, lane=step.campaign.lane, contact_id=entered.contact_id,
            address_id=entered.address_id, number=self.number, kind="campaign", origin=f"step:{step.pk}",
            body="Hi", state="failed", code="30003",
        )  # fmt: skip

    def moving(self) -> Campaign:
        """One whose people are being moved to the second version, after they were moved there once."""
        campaign = self.running("Moved people")
        by, now = self.company.users["admin"], clock.now()
        VersionMove.objects.create(
            campaign=campaign, before=self.version, version=self.before, goes_on=True, state="done", people=6,
            seen=6, counts={"same": 4, "leave": 1, "exit": 1}, why="Wrong price", by=by, started_at=now,
            ended_at=now,
        )  # fmt: skip
        version_moves.begin(campaign, self.version, {}, by=by, now=now, why="Better words")
        return campaign

    def storm(self) -> UnitPause:
        """A business unit rests."""
        by, until = self.company.users["csr"], clock.now() + timedelta(hours=5)
        known = UnitPause.objects.filter(business_unit=self.unit, lifted_at=None).first()
        return known or UnitPause.objects.create(
            account=self.account, business_unit=self.unit, at=clock.now(), by=by, until=until, reason="Hail"
        )


def settle(site: Site) -> Town:
    """The town, once for all tests of a folder."""
    town = Town()
    site.companies[NAME] = town.company
    return town


def address(site: Site, name: str, *args: Any, query: str = "") -> str:
    """Where a page is."""
    return site.url + reverse(name, args=args) + query
