"""A contractor with thousands of customers inside a running product, and a report on what became of them.

Run in the product's environment: `python -m bench.load_company launch 5000`, then `… report`;
`pause <id>` and `resume <id>` for a campaign; `ring 1` rings for the sync. Each launch is to new customers;
earlier ones become inactive.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import call_company

if TYPE_CHECKING:
    from accounts.models import Account
    from audiences.models import Address, Contact
    from campaigns.launching import Draft
    from campaigns.models import WorkflowVersion

AREA_CODES = (
    312, 773, 847, 630, 708, 815, 309, 217, 618, 224,
    331, 779, 872, 260, 317, 574, 219, 765, 812, 414,
    262, 608, 715, 920, 651, 612, 763, 952, 507, 218,
    320, 515, 319, 563, 641, 712, 314, 636, 816, 573,
    417, 660, 402, 308, 531, 913, 316, 785, 620, 405,
)  # fmt: skip
PER_EXCHANGE = 100 * len(AREA_CODES)
# Where customers of a spread-out company live: state, ZIP code, time zone. The last open four hours late.
HOMES = (
    *(("IL", "60601", "America/Chicago"),) * 4,
    *(("NY", "10001", "America/New_York"),) * 2,
    *(("CA", "90001", "America/Los_Angeles"),) * 2,
    ("AZ", "85001", "America/Phoenix"),  # no daylight saving time there
    ("HI", "96801", "Pacific/Honolulu"),
)
Node = tuple[str, str, str, dict[str, Any]]
MAIL = "owner@load.example"
WAIT_MINUTES = 20 * 60
TEXT = "Hi {{ first_name }}, {{ company }} here. Reply STOP to opt out."


def phone(index: int) -> str:
    """The index-th customer's number: 100 in each area code, then those of the next exchange."""
    exchange, rest = divmod(index, PER_EXCHANGE)
    return f"+1{AREA_CODES[rest // 100]}{555 + exchange}{100 + rest % 100:04}"


def zone(index: int) -> str:
    """The time zone of the index-th customer of a company whose customers are spread out."""
    return HOMES[index % len(HOMES)][2]


def launch(
    customers: int,
    *,
    clicks: int = 1,
    spread: bool = False,
    booking: bool = False,
    calls: bool = False,
    dies: bool = False,
    version: "Callable[[Account], WorkflowVersion] | None" = None,
) -> dict[str, Any]:
    """Make customers and launch one text to them, with as many clicks at once as asked for.

    `LOAD_RATE` is the number's segments a second (150). Without `spread` everybody lives in Chicago. With
    `booking` a yes to the text leads to a job; with `calls` they are called instead. `dies` ends this process
    once the launch is committed, before it rings anybody. `version` gives another workflow than these.
    """
    from accounts.models import Account
    from audiences.models import Audience, Contact
    from campaigns import launching
    from integrations.models import SendingNumber

    account = Account.objects.filter(name="Load Heating").first() or _open()
    Contact.objects.filter(account=account).update(active=False)
    first = Contact.objects.filter(account=account).count()
    added = _add_customers(account, range(first, first + customers), spread)
    if calls:
        call_company.prepare(account, *added, first)
    _mirror_is_fresh(account)
    number = SendingNumber.objects.filter(account=account).order_by("pk")[0]
    draft = launching.Draft(
        name=f"Load from {first}",
        version=(version or partial(_workflow, booking=booking, calls=calls))(account),
        audience=Audience.objects.create(account=account, name=f"All from {first}"),
        number=number,
    )
    made = {"first": first, "number": number.e164, "sandbox": _sandbox()}
    if dies:
        _die_at_the_next_ring(made)
    return {"campaign": _click(account, draft, clicks), **made}


def _die_at_the_next_ring(made: dict[str, Any]) -> None:
    from common import doorbell

    def die(*_: object) -> None:
        print(json.dumps(made), flush=True)
        os._exit(0)

    vars(doorbell)["_publish"] = die


def _sandbox() -> str:
    return f"http://127.0.0.1:{(Path(os.environ['TRUCKROLL_DATA']) / 'sandbox.port').read_text().strip()}"


def _open() -> "Account":
    from accounts import people
    from accounts.models import Role
    from audiences import consent
    from config import providers
    from integrations import connections
    from integrations.models import SendingNumber

    credentials = providers.sandbox_credentials(Path(os.environ["TRUCKROLL_DATA"]))
    account = people.open_account(name="Load Heating", timezone="America/Chicago")
    consent.declare_simulated(account)
    _let_everything_fail(account)
    people.add(account=account, email=MAIL, password=None, name="Owner", role=Role.ADMIN, by=None)
    connections.ensure_from_environment(account, providers.sandbox_env({}, credentials, _sandbox()))
    rate = int(os.environ.get("LOAD_RATE", "150"))
    SendingNumber.objects.filter(account=account).update(segments_per_second=rate)
    return account


def _let_everything_fail(account: "Account") -> None:
    """Every tenth customer says STOP here: a number that paused itself for that would end the measurement."""
    from conversations.models import SafetyLimits

    rules = ("failures", "opt_outs", "bounces", "complaints")
    SafetyLimits.objects.update_or_create(account=account, defaults=dict.fromkeys(rules, 100))


def _mirror_is_fresh(account: "Account") -> None:
    """Nobody is asked after at the simulated ServiceTitan, which has never heard of these customers: at its
    fifty requests a second that would be all that is measured, and its death would put everybody off."""
    from audiences import freshness
    from audiences.models import SourceFreshness, SyncCursor
    from audiences.models.source_freshness import MOST_MINUTES
    from common import clock

    SourceFreshness.objects.update_or_create(account=account, defaults={"minutes": MOST_MINUTES})
    for entity in freshness.LISTS:
        read = {"complete_at": clock.now()}
        SyncCursor.objects.update_or_create(account=account, entity=entity, defaults=read)


def _add_customers(account: "Account", indexes: range, spread: bool) -> "tuple[list[Contact], list[Address]]":
    """Customers and their phones."""
    from audiences.hours import zone_set_for
    from audiences.models import Address, Contact, ContactAddress, Household

    homes = [HOMES[index % len(HOMES) if spread else 0] for index in indexes]
    zone_sets = {home: zone_set_for(state=home[0], zip_code=home[1]) for home in set(homes)}
    households = Household.objects.bulk_create(
        Household(account=account, key=f"home:{index}") for index in indexes
    )
    people = Contact.objects.bulk_create(
        Contact(
            account=account, servicetitan_customer_id=index + 1, name=f"Customer {index}", first_name="Pat",
            state=home[0], zip=home[1], household=household, zone_set=zone_sets[home],
        )
        for index, home, household in zip(indexes, homes, households, strict=True)
    )  # fmt: skip
    addresses = Address.objects.bulk_create(
        Address(account=account, channel="phone", value=phone(index)) for index in indexes
    )
    ContactAddress.objects.bulk_create(
        ContactAddress(contact=contact, address=address)
        for contact, address in zip(people, addresses, strict=True)
    )
    return people, addresses


def _workflow(account: "Account", *, booking: bool, calls: bool) -> "WorkflowVersion":
    from campaigns import publishing
    from campaigns.models import Workflow
    from common import clock

    if calls:
        return call_company.workflow(account, WAIT_MINUTES)
    name = "One text and a job" if booking else "One text"
    workflow, made = Workflow.objects.get_or_create(account=account, name=name)
    if not made:
        return workflow.versions.get()
    text: Node = ("text", "send_sms", "Text", {"body": TEXT})
    pause: Node = ("pause", "wait", "Pause", {"minutes": WAIT_MINUTES})
    reply: Node = ("reply", "wait_for_reply", "Reply", {"timeout_minutes": WAIT_MINUTES})
    job: Node = ("job", "book_job", "Job", {"summary": "Tune-up"})
    version = publishing.draft(
        workflow,
        nodes=[text, reply, job] if booking else [text, pause],
        edges=[("text", "next", "reply"), ("reply", "booking_yes", "job")]
        if booking
        else [("text", "next", "pause")],
        by=None,
        now=clock.now(),
    )
    publishing.publish(version, by=None, now=clock.now())
    version.refresh_from_db()
    return version


def _click(account: "Account", draft: "Draft", clicks: int) -> int:
    """Launch the draft, in `clicks` threads at once; the campaign's id. All must find the same one."""
    from django.db import connection

    from campaigns import launching
    from common import clock

    found: list[int] = []
    together = threading.Barrier(clicks)

    def click() -> None:
        together.wait()
        found.append(launching.launch(account, draft, by=None, now=clock.now()).pk)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(clicks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != clicks:
        raise SystemExit("a click failed; its error is above")
    return min(found)


def turn(verb: str, campaign_id: int) -> dict[str, Any]:
    """Pause or resume a campaign; `at` is the real time (Unix seconds) just after the commit."""
    from accounts.models import User
    from campaigns import lifecycle
    from campaigns.models import Campaign
    from common import clock

    by: User = User.objects.get(email=MAIL)
    change = lifecycle.pause if verb == "pause" else lifecycle.resume
    change(Campaign.objects.get(pk=campaign_id), by=by, now=clock.now())
    return {"at": time.time()}


def ring() -> dict[str, Any]:
    """Ask for a sync, as a page would that changes something; `seconds` is how long it takes to ask."""
    from audiences.tasks import sync_servicetitan
    from common import doorbell

    began = time.monotonic()
    doorbell.ring(sync_servicetitan)
    return {"seconds": time.monotonic() - began}


def report() -> dict[str, Any]:
    """Where everybody stands."""
    from django.db.models import Count

    from campaigns.models import Enrollment, Exclusion, Intake, Step
    from conversations.models import Attempt, Message

    def counted(queryset: Any, *fields: str) -> dict[str, int]:
        rows = queryset.values_list(*fields).annotate(n=Count("pk")).order_by()
        return {" ".join(str(value) for value in row[:-1]): row[-1] for row in rows}

    return {
        "intake_finished": Intake.objects.filter(finished_at__isnull=False).exists(),
        "enrollments": Enrollment.objects.count(),
        "exclusions": Exclusion.objects.count(),
        "text_steps": counted(Step.objects.filter(node__key="text"), "state"),
        "pause_steps": counted(Step.objects.filter(node__key="pause"), "state"),
        "reasons": counted(Step.objects.exclude(reason=""), "state", "reason"),
        "messages": counted(Message.objects.all(), "state"),
        "attempts": counted(Attempt.objects.all(), "state"),
    }


def main() -> None:
    """Run one command and print its answer as JSON."""
    import django

    parser = argparse.ArgumentParser(prog="python -m bench.load_company")
    parser.add_argument("command", choices=("launch", "pause", "resume", "ring", "report"))
    parser.add_argument("number", nargs="?", type=int, default=0, help="of customers, or the campaign's id")
    parser.add_argument("--clicks", type=int, default=1)
    parser.add_argument("--spread", action="store_true", help="customers live in four time zones")
    parser.add_argument("--booking", action="store_true", help="a yes leads to a job")
    parser.add_argument("--calls", action="store_true", help="everybody is called, by a script or an agent")
    parser.add_argument("--dies", action="store_true", help="once committed, before anybody is rung")
    given = parser.parse_args()
    django.setup()
    if given.command == "launch":
        answer = launch(
            given.number, clicks=given.clicks, spread=given.spread, booking=given.booking, calls=given.calls,
            dies=given.dies,
        )  # fmt: skip
    elif given.command in ("pause", "resume"):
        answer = turn(given.command, given.number)
    else:
        answer = ring() if given.command == "ring" else report()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
