"""The rows that a walkthrough is played on: a campaign of one contact, in a transaction that will not last.

They have ids that were drawn for this walkthrough alone (`places`), so that whoever goes down one arm of a
split goes down the same one each time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from audiences.models import Address, Audience, Consent, Contact, ContactAddress, Household, ZoneSet
from campaigns import drawing, enrolling, graph
from campaigns.drawing import Drawing
from campaigns.graph import Graph, GraphNode
from campaigns.models import (
    Campaign,
    Edge,
    Enrollment,
    Exclusion,
    Intake,
    Node,
    Walkthrough,
    WorkflowVersion,
)
from campaigns.nodes import NodeKind
from common import clock, sql
from conversations.models import Lane
from integrations.models import SendingNumber

_FIRST_NUMBER = 1_000_000_000
"""Versions get numbers above it, and invented customers and jobs ids: none of the account's are near."""
_INVENTED = 8_000_000_000_000_000
_NAMES = {"en": ("Ann", "Rivera"), "es": ("Ana", "Rivera")}


@dataclass
class Scene:
    """What a walkthrough is played on; without an enrollment where the contact would not enter."""

    account: Account
    campaign: Campaign
    graph: Graph
    contact: Contact
    enrollment: Enrollment | None
    kept_out: str = ""  # why, where they would not

    @property
    def address_ids(self) -> list[int]:
        """The contact's phones and mailboxes."""
        return list(ContactAddress.objects.filter(contact=self.contact).values_list("address_id", flat=True))


def places(drawn: Drawing) -> dict[str, Any]:
    """Ids for the rows of a walkthrough of this drawing, which no other row gets."""
    return {
        "campaign": _drawn(Campaign, 1)[0], "version": _drawn(WorkflowVersion, 1)[0],
        "contact": _drawn(Contact, 1)[0], "nodes": _drawn(Node, len(drawn.nodes)),
    }  # fmt: skip


def _drawn(model: Any, count: int) -> list[int]:
    return sql.column(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
        [model._meta.db_table, count],
    )


def further_campaigns(most: int) -> list[int]:
    """Ids that no campaign has or gets."""
    return _drawn(Campaign, most)


def arm_of(kind: NodeKind, campaign_id: int, node: GraphNode, contact_id: int) -> str:
    """The arm of a split that a campaign of this id sends a contact down, by the node kind's own rule."""
    query = kind.label_sql(campaign_id=campaign_id, node=node, now=clock.now())
    if query is None:
        return ""
    asked = f"SELECT {query.label} FROM (SELECT %(contact)s::bigint AS contact_id) e"
    return str(sql.value(asked, {**query.params, "contact": contact_id}))


def number_of(account: Account) -> SendingNumber | None:
    """The number that the texts of a walkthrough leave from: the account's first one in use."""
    return SendingNumber.objects.filter(account=account, active=True).order_by("pk").first()


def build(walk: Walkthrough, number: SendingNumber, *, now: datetime) -> Scene:
    """Make the rows, and let the contact enter as anybody enters a campaign. In a transaction that is rolled
    back."""
    account = walk.account
    contact = walk.contact or _invented(walk, now)
    version = _version(walk, now)
    name = f"Test of {walk.workflow.name}"[:160]
    lane = Lane.objects.create(account=account, kind=Lane.Kind.CAMPAIGN, name=name)
    audience = Audience.objects.create(account=account, name=f"Walkthrough {walk.places['campaign']}")
    campaign = Campaign.objects.create(
        pk=walk.places["campaign"], account=account, name=name, version=version, audience=audience,
        number=number, lane=lane, status=Campaign.Status.ACTIVE, starts_at=now, launched_at=now,
        created_at=now,
    )  # fmt: skip
    intake = Intake.objects.create(campaign=campaign, started_at=now)
    enrolling.enter(campaign, intake, [contact.pk], now, None)
    enrollment = Enrollment.objects.filter(campaign=campaign).select_related("address").first()
    left_out = Exclusion.objects.filter(campaign=campaign).first()
    return Scene(
        account, campaign, graph.load(version.pk), contact, enrollment, left_out.reason if left_out else ""
    )


def _version(walk: Walkthrough, now: datetime) -> WorkflowVersion:
    drawn = drawing.read(walk.graph)
    version = WorkflowVersion.objects.create(
        pk=walk.places["version"], workflow=walk.workflow, number=_FIRST_NUMBER + walk.pk % _FIRST_NUMBER,
        created_at=now,
    )  # fmt: skip
    ids = dict(zip((node.key for node in drawn.nodes), walk.places["nodes"], strict=True))
    Node.objects.bulk_create(
        Node(
            pk=ids[node.key], version=version, key=node.key, kind=node.kind, name=node.name,
            settings=dict(node.settings), position=position,
        )
        for position, node in enumerate(drawn.nodes)
    )  # fmt: skip
    Edge.objects.bulk_create(
        Edge(version=version, source_id=ids[source], label=label, target_id=ids[target])
        for source, label, target in drawn.edges()
    )
    WorkflowVersion.objects.filter(pk=version.pk).update(published_at=now)
    return version


def invented_id(walk: Walkthrough, further: int = 0) -> int:
    """An id that ServiceTitan gave to nobody: of the invented customer, and of what a walkthrough makes."""
    return _INVENTED + walk.pk * 1000 + further


def _invented(walk: Walkthrough, now: datetime) -> Contact:
    """Somebody in the company's zone who may be reached in every way, and of whom everything is known."""
    account, language = walk.account, walk.sample
    first, last = _NAMES.get(language, _NAMES["en"])
    zones, _ = ZoneSet.objects.get_or_create(
        key=f"walkthrough:{walk.pk}", defaults={"zones": [account.timezone], "states": []}
    )
    contact = Contact.objects.create(
        pk=walk.places["contact"], account=account, servicetitan_customer_id=invented_id(walk),
        first_name=first, last_name=last, name=f"{first} {last}", language=language, street="12 Elm St",
        city="Joliet", balance="184.50", zone_set=zones,
        household=Household.objects.create(account=account, key=f"walkthrough:{walk.pk}"),
        last_job_at=now - timedelta(days=300), created_at=now,
    )  # fmt: skip
    phone = _free_phone(walk)
    made = [
        Address.objects.create(account=account, channel=Address.Channel.PHONE, value=phone),
        Address.objects.create(
            account=account, channel=Address.Channel.EMAIL, value=f"sample-{walk.pk}@example.com"
        ),
    ]
    ContactAddress.objects.bulk_create(
        ContactAddress(contact=contact, address=address, position=position)
        for position, address in enumerate(made)
    )
    Consent.objects.bulk_create(
        Consent(
            account=account, address=made[0], contact=contact, kind=kind, source=Consent.Source.FORM,
            proof="A walkthrough’s invented person", given_at=now, recorded_at=now,
        )
        for kind in Consent.Kind
    )  # fmt: skip
    return contact


def _free_phone(walk: Walkthrough) -> str:
    """A number that is nobody's (555-01xx) and that the account has not met; if possible another than that of
    walkthroughs that are played at the same time, which would wait for one another."""
    asked = [f"+15555550{100 + (walk.pk + further) % 100}" for further in range(100)]
    known = set(
        Address.objects.filter(
            account=walk.account, channel=Address.Channel.PHONE, value__in=asked
        ).values_list("value", flat=True)
    )
    return next((phone for phone in asked if phone not in known), asked[0])
