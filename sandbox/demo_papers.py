"""What jobs of the demo company leave behind: calls, estimates, invoices; and its customers' memberships.

Every draw comes from a generator of its own, named by the row, so that the rest of the company is the same
with or without them.
"""

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.clock import iso
from sandbox.servicetitan_papers import (
    adjusting_row,
    call_row,
    estimate_row,
    invoice_row,
    membership_row,
    membership_type_row,
)
from sandbox.servicetitan_rows import Row

if TYPE_CHECKING:
    from sandbox.servicetitan import ServiceTitan

TYPES = (("Comfort Club", 19.0), ("Comfort Club Plus", 34.0))
FIRST_TYPE = 701
FORMER_SHARE = 0.06
ENDING_SHARE = 0.4  # of agreements, to be renewed within a year
YEAR = timedelta(days=365)
OFFICE = "+13125550100"
OFFERS = ("New furnace", "New air conditioner", "Heat pump", "Water heater", "Duct cleaning", "Repipe")


def membership_types(tenant: "ServiceTitan", stamp: str) -> None:
    """The two agreements that the company sells."""
    for n, (name, monthly) in enumerate(TYPES):
        tenant.put(
            "membership-types", membership_type_row(FIRST_TYPE + n, name, monthly, stamp), settled=True
        )


def membership(
    tenant: "ServiceTitan",
    customer: Row,
    home: Row,
    created: datetime,
    today: datetime,
    *,
    member: bool,
    plus: bool,
) -> None:
    """The agreement of a customer whom the office has marked as a member; a few others had one, which ran
    out or was cancelled."""
    rng = random.Random(f"{tenant.world.seed}:membership:{customer['id']}")
    if not member and rng.random() > FORMER_SHARE:
        return
    begun = created + (today - created) * rng.random()
    ended = begun + YEAR if not member or rng.random() < ENDING_SHARE else None
    while member and ended is not None and ended <= today:  # renewed each year
        ended += YEAR
    over = ended is not None and ended < today
    if not member and not over:
        return
    cancelled = over and rng.random() < 0.4
    bill = None if over else iso(today + timedelta(days=rng.randrange(1, 30)))
    row = membership_row(
        tenant.new_id("memberships"), customer["id"], home["id"], FIRST_TYPE + plus, 301,
        status="Canceled" if cancelled else "Expired" if over else "Active",
        to=iso(ended) if ended else None,
        cancellationDate=iso(ended) if cancelled and ended else None,
        nextScheduledBillDate=bill,
        createdOn=iso(begun), modifiedOn=iso(min(ended or begun, today)), followUpOn=iso(begun),
        **{"from": iso(begun)},
    )  # fmt: skip
    tenant.put("memberships", row, settled=True)


def lead_call(tenant: "ServiceTitan", job_id: int, customer: Row, phone: str, booked: datetime) -> int | None:
    """A quarter of the jobs began with a call; its id."""
    rng = random.Random(f"{tenant.world.seed}:call:{job_id}")
    if not phone or rng.random() > 0.25:
        return None
    call = call_row(tenant.new_id("calls"), phone, OFFICE, customer, iso(booked))
    tenant.put("calls", {**call, "job": {"id": job_id, "number": str(job_id)}}, settled=True)
    return int(call["id"])


def estimate(tenant: "ServiceTitan", job: Row, done: datetime, now: datetime) -> None:
    """Every estimate visit and an eighth of the others end with an offer; old ones rarely stay open."""
    rng = random.Random(f"{tenant.world.seed}:estimate:{job['id']}")
    if job["summary"] != "Estimate" and rng.random() > 0.125:
        return
    stay_open = 0.5 if now - done < timedelta(days=60) else 0.04
    status = "Open" if rng.random() < stay_open else rng.choice(("Sold", "Dismissed"))
    settled = iso(min(done + timedelta(days=rng.randrange(0, 20)), now))
    offer = estimate_row(
        tenant.new_id("estimates"), job, rng.choice(OFFERS), status,
        round(rng.uniform(900, 14_000), 2), iso(done),
        soldOn=settled if status == "Sold" else None,
        modifiedOn=iso(done) if status == "Open" else settled,
    )  # fmt: skip
    tenant.put("estimates", offer, settled=True)


def invoice(
    tenant: "ServiceTitan", job: Row, customer: Row, unit_name: str, at: datetime, *, settled: bool
) -> Row:
    """The invoice of a completed job; one in twenty-five of the last year's is still to be paid.

    Of the old ones, two in a hundred were taken back, in whole or in part.
    """
    rng = random.Random(f"{tenant.world.seed}:invoice:{job['id']}")
    recent = tenant.world.clock.now() - at < timedelta(days=365)
    owed = job["total"] or 0.0 if recent and rng.random() < 0.04 else 0.0
    row = invoice_row(job, customer, unit_name, iso(at), iso(at + timedelta(days=30)), owed)
    back = random.Random(f"{tenant.world.seed}:memo:{job['id']}")
    tenant.put("invoices", row, settled=settled)
    if settled and job["total"] and back.random() < 0.02:
        cents = round(job["total"] * 100 * back.choice((1.0, 0.5, 0.15)))
        stamp = iso(min(at + timedelta(days=back.randrange(1, 9)), tenant.world.clock.now()))
        tenant.put("invoices", adjusting_row(tenant.new_id("invoices"), row, -cents, stamp), settled=True)
    return row
