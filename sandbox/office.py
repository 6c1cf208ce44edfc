"""What the contractor's office does with jobs over simulated time: it finishes and bills them, cancels some
before the visit, and takes money back, bills more or voids an invoice afterwards.

What will become of a job is drawn from a generator named by it, and kept as a plan, so that a restart changes
nothing. Everything done leaves a ledger entry (`job`, `invoice`): folded by id they say what jobs brought.
"""

import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox import demo_papers
from sandbox.clock import instant, iso
from sandbox.servicetitan_papers import adjusting_row
from sandbox.servicetitan_rows import Row

if TYPE_CHECKING:
    from sandbox.servicetitan import ServiceTitan

EVERY_SECONDS = 15.0
MOST_VISITS = 500  # finished at one look
PLANS = "office_plans"
PRICES = (89, 129, 189, 240, 410, 890, 2300)
ACTS = ("complete", "cancel", "refund", "adjust", "void", "work")


class Office:
    """Works on the tenant's jobs; all instants are the wall clock's."""

    def __init__(self, tenant: "ServiceTitan") -> None:
        self.tenant = tenant
        self.world = tenant.world

    def open(self) -> None:
        """Begin to look at jobs, every so many seconds of real time."""
        self.world.schedule.handlers["office"] = lambda _timer_id, _data: self._look()
        self.world.schedule.push(self.world.clock.real() + EVERY_SECONDS, "office", {})

    def _look(self) -> None:
        self.world.schedule.push(self.world.clock.real() + EVERY_SECONDS, "office", {})
        self.work()

    def work(self) -> None:
        """Do what is due: planned acts, then visits that are over."""
        now = iso(self.world.clock.now())
        plans = self.world.store.get(PLANS, [])
        due = [plan for plan in plans if plan["at"] <= now]
        if due:
            self.world.store.put(PLANS, [plan for plan in plans if plan["at"] > now])
        for plan in sorted(due, key=lambda plan: (plan["at"], plan["job"])):
            self.act(plan["act"], plan["job"])
        over = self.world.store.read(
            "SELECT data FROM st_rows WHERE entity = 'appointments' AND active = 1"
            " AND json_extract(data, '$.status') = 'Scheduled' AND json_extract(data, '$.end') < ? LIMIT ?",
            (now, MOST_VISITS),
        )
        for row in over:
            self._visit_over(json.loads(row["data"]))

    def act(self, what: str, job_id: int, cents: int = 0) -> Row | None:
        """Do one of `ACTS` with a job now, `cents` being its amount; the changed row, if any."""
        job = self.tenant.get("jobs", job_id)
        if what == "work":
            self.work()
        if job is None or what == "work":
            return job
        match what:
            case "complete":
                return self._complete(job, iso(self.world.clock.now()), cents)
            case "cancel":
                return self._cancel(job)
            case "void":
                return self._void(job)
        return self._adjust(job, what, cents)

    def expect(self, job: Row, start: str) -> None:
        """Plan whether a new job will be cancelled before its visit at `start`."""
        rng = self._draw("cancel", job)
        if rng.random() < self.world.faults.now["servicetitan"]["cancel"]:
            made = instant(job["createdOn"])
            self._plan("cancel", job, made + (instant(start) - made) * rng.uniform(0.2, 0.9))

    def _draw(self, what: str, job: Row) -> random.Random:
        return random.Random(f"{self.world.seed}:{what}:{job['id']}")

    def _plan(self, act: str, job: Row, at: datetime) -> None:
        plans = self.world.store.get(PLANS, [])
        self.world.store.put(PLANS, [*plans, {"at": iso(at), "act": act, "job": job["id"]}])

    def _visit_over(self, appointment: Row) -> None:
        self.tenant.put("appointments", {**appointment, "status": "Done"})
        job = self.tenant.get("jobs", appointment["jobId"])
        if job is not None and job["lastAppointmentId"] == appointment["id"]:
            self._complete(job, appointment["end"])

    def _complete(self, job: Row, end: str, cents: int = 0) -> Row | None:
        """The work is done: the job has a total and an invoice, and a few will be heard of again."""
        if job["jobStatus"] != "Scheduled":
            return None
        rng = self._draw("total", job)
        drawn = round(rng.choice(PRICES) * rng.uniform(0.9, 1.2), 2)
        job["jobStatus"], job["completedOn"] = "Completed", end
        job["total"] = cents / 100 if cents else drawn
        job["invoiceId"] = self.tenant.new_id("invoices")
        self._change(job)
        customer = self.tenant.get("customers", job["customerId"])
        if customer is None:
            return job
        unit = self.tenant.get("business-units", job["businessUnitId"]) or {"name": ""}
        bill = demo_papers.invoice(self.tenant, job, customer, unit["name"], instant(end), settled=False)
        self._tell(bill, job["id"])
        later, conf = self._draw("later", job), self.world.faults.now["servicetitan"]
        draw = later.random()
        for act in ("refund", "adjust", "void"):
            draw -= conf[act]
            if draw < 0:
                self._plan(act, job, instant(end) + timedelta(days=later.uniform(1, 6)))
                break
        return job

    def _cancel(self, job: Row) -> Row | None:
        """Called off: its visits are cancelled, and what was billed is voided."""
        if job["jobStatus"] == "Canceled":
            return None
        for appointment in self.tenant.find("appointments", "jobId", job["id"]):
            self.tenant.put("appointments", {**appointment, "status": "Canceled"})
        for bill in self._bills(job):
            self._tell(self.tenant.put("invoices", {**bill, "active": False}), job["id"])
        return self._change({**job, "jobStatus": "Canceled"})

    def _void(self, job: Row) -> Row | None:
        """The first invoice was wrong: it is voided, and another takes its place, a tenth cheaper."""
        bills = self._bills(job)
        if not bills:
            return None
        self._tell(self.tenant.put("invoices", {**bills[0], "active": False}), job["id"])
        cents = round(float(bills[0]["total"]) * 90)
        again = adjusting_row(self.tenant.new_id("invoices"), bills[0], cents, self._now())
        return self._put(again, job, None)

    def _adjust(self, job: Row, what: str, cents: int) -> Row | None:
        """A credit memo over all or a part, or a further bill; every other one names no job of its own."""
        bills = self._bills(job)
        if not bills:
            return None
        rng, whole = self._draw(what, job), round(float(bills[0]["total"]) * 100)
        if not cents:
            share = 1.0 if what == "refund" and rng.random() < 0.5 else rng.uniform(0.1, 0.6)
            cents = round(whole * share)
        signed = -abs(cents) if what == "refund" else abs(cents)
        memo = adjusting_row(self.tenant.new_id("invoices"), bills[0], signed, self._now())
        if rng.random() < 0.5:
            memo["job"] = None
        return self._put(memo, job, bills[0]["id"])

    def _put(self, bill: Row, job: Row, adjusts: int | None) -> Row:
        row = self.tenant.put("invoices", {**bill, "adjustmentToId": adjusts})
        self._tell(row, job["id"])
        return row

    def _bills(self, job: Row) -> list[Row]:
        """Active invoices of a job, oldest first, what adjusts them included."""
        found = self.world.store.read(
            "SELECT data FROM st_rows WHERE entity = 'invoices' AND active = 1"
            " AND (json_extract(data, '$.job.id') = ? OR json_extract(data, '$.adjustmentToId') = ?)"
            " ORDER BY id",
            (job["id"], job["invoiceId"] or -1),
        )
        return [json.loads(row["data"]) for row in found]

    def _change(self, job: Row) -> Row:
        row = self.tenant.put("jobs", job)
        self.world.ledger.append("job", job=job["id"], status=job["jobStatus"])
        return row

    def _tell(self, bill: Row, job_id: int) -> None:
        self.world.ledger.append(
            "invoice", invoice=bill["id"], job=job_id, adjusts=bill["adjustmentToId"], total=bill["total"],
            active=bill["active"],
        )  # fmt: skip

    def _now(self) -> str:
        return iso(self.world.clock.now())
