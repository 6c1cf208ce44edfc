"""Seeds the demo tenant, Prairie Home Comfort of Chicago, once: the same for one seed and day."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox import demo_papers, personas
from sandbox import demo_words as words
from sandbox.clock import iso
from sandbox.servicetitan_rows import appointment_row, contact_row, customer_row, job_row, location_row

if TYPE_CHECKING:
    from sandbox.world import World

NAME = "Prairie Home Comfort"
HOME = ZoneInfo("America/Chicago")
YEARS = 6
JOBS_PER_CUSTOMER = 4.0
COMMERCIAL_SHARE = 0.1
SECOND_PERSON_SHARE = 0.3
SHARED_PHONE_SHARE = 0.06
LANDLORD_SHARE = 0.02
RESERVED_PER_AREA = 100
TAKEN = frozenset({"+13125550100", "+17735550100", "+16305550100"})
Row = dict[str, Any]


def seed(world: "World", customers: int) -> dict[str, int]:
    """Fill an empty tenant; does nothing where one exists. Returns how many rows of each entity there are."""
    if world.store.get("demo_seeded"):
        return {}
    company = _Company(world)
    company.settings()
    for _ in range(customers):
        company.customer()
    company.future()
    world.store.put("demo_seeded", True)
    world.store.commit()
    rows = world.store.read("SELECT entity, COUNT(*) AS n FROM st_rows GROUP BY entity")
    return {row["entity"]: row["n"] for row in rows}


class _Company:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.tenant = world.servicetitan
        self.rng = random.Random(f"{world.seed}:company")
        self.today = world.clock.now().astimezone(HOME).replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = self.today - timedelta(days=365 * YEARS)
        phones = [
            f"+1{area}55501{n:02d}"
            for area in dict.fromkeys(words.AREA_CODES)
            for n in range(RESERVED_PER_AREA)
        ]
        # Local codes first, but each block of codes shuffled, so that neighbours differ.
        self.phones: list[str] = []
        for at in range(0, len(phones), 12 * RESERVED_PER_AREA):
            block = [phone for phone in phones[at : at + 12 * RESERVED_PER_AREA] if phone not in TAKEN]
            self.rng.shuffle(block)
            self.phones += block
        self.phones.reverse()
        self.customers: list[tuple[Row, Row]] = []
        self.mailboxes: dict[str, int] = {}
        self.last: Row = {}
        self.last_phone = ""

    def put(self, entity: str, row: Row) -> Row:
        return self.tenant.put(entity, row, settled=True)

    def settings(self) -> None:
        """Business units, tags, job types, campaigns, reasons."""
        old = iso(self.start)
        base = {"active": True, "createdOn": old, "modifiedOn": old}
        self.units = [
            self.put(
                "business-units",
                {
                    "id": 301 + n,
                    "name": name,
                    "officialName": f"{NAME} {name}",
                    "email": "office@prairiehome.example",
                    "currency": "USD",
                    "phoneNumber": "3125550100",
                    "address": None,
                    "trade": {"id": 11 + n, "name": trade},
                    "division": None,
                    "tagTypeIds": [],
                    "tenant": {"id": int(self.world.credentials["tenant_id"]), "name": NAME},
                    "externalData": [],
                    "defaultTaxRate": None,
                    **base,
                },
            )
            for n, (name, trade) in enumerate(words.BUSINESS_UNITS)
        ]
        for n, row in enumerate(self.units):
            if "modifiedOn" not in row["tenant"]:
                row["tenant"]["modifiedOn"] = old
                self.units[n] = self.put("business-units", row)
        flags = ("isConversionOpportunity", "allowToUseOnTimesheetActivity", "isVisibleOnDispatchBoard")
        self.tags = {
            name: self.put(
                "tag-types",
                {
                    "id": 401 + n,
                    "name": name,
                    "color": f"#{(n * 2654435) % 0xFFFFFF:06x}",
                    "code": "".join(part[0] for part in name.split())[:3].upper(),
                    "importance": None,
                    **dict.fromkeys(flags, False),
                    **base,
                },
            )["id"]
            for n, (name, _) in enumerate(words.TAGS)
        }
        self.types = [self._job_type(n, base) for n in range(len(words.JOB_TYPES))]
        for n, name in enumerate(words.CAMPAIGNS):
            self.put(
                "campaigns",
                {"id": 601 + n, "name": name, "category": None, "campaignPhoneNumbers": [], **base},
            )
        for n, name in enumerate(words.CANCEL_REASONS):
            self.put("job-cancel-reasons", {"id": 1001 + n, "name": name, **base})
        self.put("call-reasons", {"id": 1101, "name": "Not a lead", "isLead": False, **base})
        demo_papers.membership_types(self.tenant, old)
        tag = {
            "id": 901,
            "tagName": "Outreach bookings",
            "description": "Bookings from outreach",
            "type": "V2Api",
        }
        self.put("booking-provider-tags", {**tag, **base})

    def _job_type(self, n: int, base: Row) -> Row:
        name, unit, _, _ = words.JOB_TYPES[n]
        units = [301, 302] if unit == 0 else [301 + unit]
        return self.put(
            "job-types",
            {
                "id": 501 + n,
                "name": name,
                "businessUnitIds": units,
                "skills": [],
                "tagTypeIds": [],
                "priority": "Normal",
                "duration": 7200,
                "soldThreshold": None,
                "class": "Install" if "Install" in name or "Replacement" in name else "Service",
                "summary": name,
                "noCharge": name == "Estimate",
                "enforceRecurringServiceEventSelection": False,
                "invoiceSignaturesRequired": False,
                "externalData": [],
                "isSmartDispatched": False,
                "defaultEstimateSoldAction": "Ask",
                "customFieldTypeIds": [],
                **base,
            },
        )

    # --- people ----------------------------------------------------------------------------------

    def _address(self) -> Row:
        rng = self.rng
        city, state, code, _ = rng.choices(words.CITIES, [c[3] for c in words.CITIES])[0]
        street = f"{rng.randrange(100, 9900)} {rng.choice(('N ', 'S ', 'W ', 'E ', '', ''))}"
        street += f"{rng.choice(words.STREETS).replace('-', ' ')} {rng.choice(words.STREET_KINDS)}"
        unit = f"Apt {rng.randrange(1, 40)}" if rng.random() < 0.12 else None
        return {"street": street, "unit": unit, "city": city, "state": state, "zip": code, "country": "USA"}

    def customer(self) -> None:
        """One customer with location(s), contacts, tags and a history of jobs."""
        rng = self.rng
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        commercial = rng.random() < COMMERCIAL_SHARE
        address = self._address()
        same_home = not commercial and bool(self.last) and rng.random() < 0.03
        if same_home:  # two customers under one roof: one household, written a little differently
            address = {**self.last["address"], "street": self.last["address"]["street"].upper()}
            last = self.last["name"].split()[-1]
        name = f"{rng.choice(words.COMPANIES)} #{rng.randrange(1, 60)}" if commercial else f"{first} {last}"
        created = self.start + (self.today - self.start) * (rng.random() ** 1.4)
        phones = self._phones(commercial)
        tags = [self.tags[tag] for tag, share in words.TAGS if rng.random() < share]
        if phones and personas.traits(self.world.seed, phones[0]).spanish:
            tags.append(self.tags["Spanish speaking"])
        landlord = rng.random() < LANDLORD_SHARE
        if landlord:
            tags.append(self.tags["Landlord"])
        row = customer_row(
            self.tenant.new_id("customers"),
            name,
            address,
            "Commercial" if commercial else "Residential",
            active=rng.random() > 0.02,
            tagTypeIds=tags,
            doNotMail=rng.random() < 0.03,
            doNotService=rng.random() < 0.01,
            balance=round(rng.uniform(40, 900), 2) if rng.random() < 0.06 else 0.0,
            createdOn=iso(created),
            modifiedOn=iso(created),
        )
        self.put("customers", row)
        home = self.put("locations", location_row(self.tenant.new_id("locations"), row))
        for n in range(rng.randrange(2, 5) if landlord else 0):
            more = location_row(self.tenant.new_id("locations"), row, name=f"{name} rental {n + 1}")
            self.put("locations", {**more, "address": {**home["address"], **self._address()}})
        self._contacts(row, first, last, phones, created)
        member, plus = (self.tags[tag] in tags for tag in words.MEMBER_TAGS)
        demo_papers.membership(self.tenant, row, home, created, self.today, member=member or plus, plus=plus)
        self.last, self.last_phone = row, phones[0] if phones else ""
        if row["active"]:
            self.customers.append((row, home))
        for _ in range(min(14, int(rng.expovariate(1 / JOBS_PER_CUSTOMER) + 0.5))):
            self._past_job(row, home, created, self.last_phone)

    def _phones(self, commercial: bool) -> list[str]:
        rng = self.rng
        if rng.random() < 0.03:
            return []
        if self.last_phone and not commercial and rng.random() < SHARED_PHONE_SHARE:
            return [self.last_phone]
        count = 2 if not commercial and rng.random() < SECOND_PERSON_SHARE else 1
        return [self.phones.pop() for _ in range(count) if self.phones]

    def _contacts(self, row: Row, first: str, last: str, phones: list[str], created: datetime) -> None:
        rng = self.rng
        for n, phone in enumerate(phones):
            landline = personas.traits(self.world.seed, phone).landline
            kind = "Phone" if landline or rng.random() < 0.1 else "MobilePhone"
            plain = phone[2:]
            value = f"({plain[:3]}) {plain[3:6]}-{plain[6:]}" if rng.random() < 0.2 else plain
            memo = f"{rng.choice(words.FIRST_NAMES)}, spouse" if n else None
            stamp = iso(created)
            self.put(
                "contacts",
                contact_row(
                    self.tenant.new_id("contacts"),
                    row["id"],
                    kind,
                    value,
                    no_text=rng.random() < 0.04,
                    memo=memo,
                    createdOn=stamp,
                    modifiedOn=stamp,
                ),
            )
        if rng.random() < 0.75:
            box = f"{first}.{last}".lower()
            self.mailboxes[box] = self.mailboxes.get(box, 0) + 1
            suffix = "" if self.mailboxes[box] == 1 else str(self.mailboxes[box])
            email = f"{box}{suffix}@example.{rng.choice(('com', 'org'))}"
            stamp = iso(created)
            contact = contact_row(self.tenant.new_id("contacts"), row["id"], "Email", email)
            self.put("contacts", {**contact, "createdOn": stamp, "modifiedOn": stamp})

    # --- work ------------------------------------------------------------------------------------

    def _past_job(self, row: Row, home: Row, created: datetime, phone: str) -> None:
        rng = self.rng
        day = created + (self.today - created) * rng.random()
        weights = [
            4.0 if day.month in season else 0.15 if season else 1.0 for _, _, season, _ in words.JOB_TYPES
        ]
        at = rng.choices(range(len(words.JOB_TYPES)), weights)[0]
        start = day.astimezone(HOME).replace(
            hour=rng.randrange(8, 17), minute=rng.choice((0, 30)), second=0, microsecond=0
        )
        draw = rng.random()
        status = "Canceled" if draw < 0.06 else "Completed"
        total = words.JOB_TYPES[at][3] * math.exp(rng.gauss(0, 0.35))
        free = words.JOB_TYPES[at][0] == "Estimate" or rng.random() < 0.02
        self._job(
            row,
            home,
            at,
            start,
            status,
            total=None if status == "Canceled" else 0.0 if free else round(total, 2),
            noCharge=free,
            recall=rng.random() < 0.02,
            phone=phone,
        )

    def _job(
        self,
        row: Row,
        home: Row,
        at: int,
        start: datetime,
        status: str,
        *,
        recall: bool = False,
        phone: str = "",
        **more: Any,
    ) -> None:
        rng = self.rng
        job_id, end = self.tenant.new_id("jobs"), start + timedelta(hours=2)
        booked = min(
            start - timedelta(days=rng.choice((0, 1, 2, 5, 9))), self.world.clock.now().astimezone(HOME)
        )
        units = self.types[at]["businessUnitIds"]
        unit = units[0] if len(units) == 1 or row["address"]["city"] in WEST else units[1]
        slot = {"start": iso(start), "end": iso(end), "status": APPOINTMENT_STATUS[status]}
        appointment = appointment_row(self.tenant.new_id("appointments"), job_id, row["id"], slot, 1)
        done = status == "Completed"
        wish = {
            "customerId": row["id"],
            "locationId": home["id"],
            "businessUnitId": unit,
            "jobTypeId": self.types[at]["id"],
            "campaignId": 601 + rng.randrange(len(words.CAMPAIGNS) - 1),
            "jobStatus": status,
            "completedOn": iso(end) if done else None,
            "summary": words.JOB_TYPES[at][0],
            "invoiceId": self.tenant.new_id("invoices") if done else 0,
            "recallForId": job_id - 1 if recall else None,
            "leadCallId": demo_papers.lead_call(self.tenant, job_id, row, phone, booked),
            **more,
        }
        stamp = iso(min(end, self.world.clock.now().astimezone(HOME)) if status != "Scheduled" else booked)
        job = job_row(job_id, wish, iso(booked), [appointment["id"]])
        self.put("jobs", {**job, "modifiedOn": stamp})
        self.put("appointments", {**appointment, "createdOn": iso(booked), "modifiedOn": stamp})
        if status == "Scheduled":
            self.tenant.assign(appointment, iso(booked), settled=True)
        if done:
            unit_name = next(each["name"] for each in self.units if each["id"] == unit)
            demo_papers.invoice(self.tenant, job, row, unit_name, end, settled=True)
            demo_papers.estimate(self.tenant, job, end, self.world.clock.now())

    def future(self) -> None:
        """Appointments of today and the coming six weeks."""
        rng, count = self.rng, len(self.customers) // 12
        for row, home in rng.sample(self.customers, count):
            days = int(rng.expovariate(1 / 9))
            start = self.today + timedelta(days=min(days, 42), hours=rng.randrange(8, 17))
            if start.weekday() == 6:
                start += timedelta(days=1)
            if start < self.world.clock.now():
                start += timedelta(days=1)
            month = start.month
            weights = [
                5.0 if month in season else 0.2 if season else 1.0 for _, _, season, _ in words.JOB_TYPES
            ]
            at = rng.choices(range(len(words.JOB_TYPES)), weights)[0]
            self._job(row, home, at, start.astimezone(UTC), "Scheduled", total=None)


WEST = frozenset({"Naperville", "Aurora", "Joliet", "Wheaton", "Oak Park", "Cicero", "Berwyn", "Elgin"})
APPOINTMENT_STATUS = {"Completed": "Done", "Canceled": "Canceled", "Scheduled": "Scheduled"}
