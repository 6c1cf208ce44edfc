"""A contractor with thousands of customers inside a running product, and a report on what became of them.

`python -m tests.load_company launch 5000` in the product's environment, then `… report`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

AREA_CODES = ["312", "773", "847", "630", "708", "815", "309", "217", "618", "224", "331", "779", "872", "260", "317", "574", "219", "765", "812", "414", "262", "608", "715", "920", "651", "612", "763", "952", "507", "218", "320", "515", "319", "563", "641", "712", "314", "636", "816", "573", "417", "660", "402", "308", "531", "913", "316", "785", "620", "405"]


def phone(index: int) -> str:
    """The index-th reserved number: 100 in each area code."""
    return f"+1{AREA_CODES[index // 100]}555{100 + index % 100:04}"


def launch(contacts: int) -> dict[str, Any]:
    """Make the customers and launch one text to all of them."""
    from accounts import people
    from audiences.hours import zone_set_for
    from audiences.models import Address, Audience, Contact, ContactAddress, Household
    from campaigns import launching
    from common import clock
    from config import providers
    from integrations import connections
    from integrations.models import SendingNumber
    from tests import factories

    data = Path(os.environ["TRUCKROLL_DATA"])
    url = f"http://127.0.0.1:{(data / 'sandbox.port').read_text().strip()}"
    environ = providers.sandbox_env({}, providers.sandbox_credentials(data), url)
    account = people.open_account(name="Load Heating", timezone="America/Chicago")
    connections.ensure_from_environment(account, environ)
    number = SendingNumber.objects.filter(account=account).order_by("pk")[0]
    SendingNumber.objects.filter(pk=number.pk).update(
        segments_per_second=int(os.environ.get("LOAD_RATE", "150"))
    )
    number.refresh_from_db()
    zone_set = zone_set_for(state="IL", zip_code="60601")
    homes = Household.objects.bulk_create(
        Household(account=account, key=f"home:{i}") for i in range(contacts)
    )
    people_made = Contact.objects.bulk_create(
        Contact(
            account=account, servicetitan_customer_id=i + 1, name=f"Customer {i}", first_name="Pat", state="IL",
            zip="60601", household=home, zone_set=zone_set,
        )
        for i, home in enumerate(homes)
    )  # fmt: skip
    addresses = Address.objects.bulk_create(
        Address(account=account, channel="phone", value=phone(i)) for i in range(contacts)
    )
    ContactAddress.objects.bulk_create(
        ContactAddress(contact=contact, address=address)
        for contact, address in zip(people_made, addresses, strict=True)
    )
    version = factories.make_workflow(
        account,
        nodes=[
            ("text", "send_sms", {"body": "Hi {{ first_name }}, {{ company }} here. Reply STOP to opt out."}),
            ("pause", "wait", {"minutes": 60 * 24}),
        ],
        edges=[("text", "next", "pause")],
    )
    draft = launching.Draft(
        name="Load",
        version=version,
        audience=Audience.objects.create(account=account, name="All"),
        number=number,
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    return {"campaign": campaign.pk, "number": number.e164, "sandbox": url}


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

    django.setup()
    print(json.dumps(launch(int(sys.argv[2])) if sys.argv[1] == "launch" else report()))


if __name__ == "__main__":
    main()
