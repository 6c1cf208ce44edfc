"""Money in decimals: what a launch would cost, in the account's own rates, and how it is written."""

from decimal import Decimal
from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from campaigns import costs
from campaigns.models import WorkflowVersion
from conversations.safety_forms import RateTableForm
from integrations import rates
from integrations.models import RateTable
from tests import factories

NODES = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}"}),
    ("long", "send_sms", {"body": "x" * 200}),
    ("picture", "send_sms", {"body": "x" * 500, "media": [1]}),
    ("mail", "send_email", {"subject": "Hi", "body": "Hi"}),
    ("done", "end", {}),
]
ORDER = ["text", "long", "picture", "mail", "done"]
EDGES = [(here, "next", there) for here, there in pairwise(ORDER)]


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0.00"), ("0.005", "less than $0.01"), ("0.0149", "$0.01"), ("0.015", "$0.02"),
        ("1234567.895", "$1,234,567.90"), ("-3.1", "-$3.10"),
    ],
)  # fmt: skip
def test_money_is_written_as_people_do(amount: str, words: str) -> None:
    assert rates.money(Decimal(amount)) == words


def test_prices_show_the_digits_they_have() -> None:
    assert [rates.price(Decimal(one)) for one in ("0.0083", "1", "0.02200", "12.5", "100")] == [
        "$0.0083", "$1.00", "$0.022", "$12.50", "$100.00"
    ]  # fmt: skip


def test_an_estimate_is_a_range_of_exact_sums(db: None) -> None:
    account = factories.make_account()
    RateTable.objects.create(
        account=account, segment_out=Decimal("0.0079"), carrier_fee=Decimal("0.0031"),
        mms_out=Decimal("0.02"), carrier_fee_mms=Decimal("0.01"), emails_thousand=Decimal("0.90"),
        segment_in=Decimal("0.0080"),
    )  # fmt: skip
    version = factories.make_workflow(account, NODES, EDGES, publish=False)  # a picture of nobody’s
    found = costs.estimate(account, version, 1000, [1, 2, 0], mailboxes=400)
    assert found is not None
    assert (found.least, found.most) == (Decimal("11.0000"), Decimal("22.0000"))
    answers = 3 * 1000 * Decimal("0.0080")
    assert found.whole == Decimal("22") + Decimal("22") + Decimal("30") + Decimal("0.36") + answers
    assert found.first == "about $11.00 to $22.00" and found.at_most == "$98.36"
    assert found.how == "1,000 × 1 to 2 segments × $0.011"
    assert found.supposing == "everybody got every message and answered every text"
    assert costs.estimate(account, version, 0, [], mailboxes=0) is None


def calling(account: Account, mode: str, words: str = "Hi {{ first_name }}") -> WorkflowVersion:
    """A workflow that begins with a call, and texts after it."""
    plan = {"mode": mode, "words": {"en": words}}
    nodes = [("call", "call", {"plan": plan}), ("text", "send_sms", {"body": "Hi"}), ("done", "end", {})]
    return factories.make_workflow(account, nodes, [("call", "next", "text"), ("text", "next", "done")])


def test_a_call_by_a_person_costs_two_phones_and_as_long_as_they_talk(db: None) -> None:
    account = factories.make_account()
    RateTable.objects.create(account=account, minute_out=Decimal("0.01"), segment_in=Decimal(0))
    found = costs.estimate(account, calling(account, "person"), 100, [], mailboxes=0)
    assert found is not None
    assert (found.least, found.most) == (Decimal(2), Decimal(6))
    assert found.whole == 6 + 100 * (Decimal("0.0083") + Decimal("0.0030"))
    assert found.how == "100 × 2 phones × 1 to 3 minutes × $0.01"
    assert found.supposing == (
        "everybody got every message, answered every text and talked 3 minutes on every call"
    )


def test_a_script_costs_by_its_length_and_a_person_where_consent_is_missing(db: None) -> None:
    account = factories.make_account()
    RateTable.objects.create(account=account, minute_out=Decimal("0.01"), machine_check=Decimal("0.001"))
    version = calling(account, "script", "x" * 14 * 50)  # 50 seconds of words, and what is said besides
    found = costs.estimate(account, version, 100, [], mailboxes=0, without_consent=40)
    assert found is not None
    scripted = 60 * (2 * Decimal("0.01") + Decimal("0.001"))
    assert (found.least, found.most) == (scripted + Decimal("0.8"), scripted + Decimal("2.4"))
    assert found.how == "60 × (2 minutes × $0.01 + $0.001) + 40 × 2 phones × 1 to 3 minutes × $0.01"


def test_an_admin_changes_rates_and_others_read_them(client: Client, db: None) -> None:
    account = factories.make_account()
    url = reverse("conversations:costs")
    client.force_login(factories.make_user(account, role="csr"))
    assert "$0.0083" in client.get(url).content.decode()
    assert client.post(url, {}).status_code == 403
    client.force_login(factories.make_user(account))
    prices = dict.fromkeys(RateTableForm.Meta.fields, "0.01")
    assert client.post(url, prices | {"mms_out": "-1"}).status_code == 422
    assert client.post(url, prices).status_code == 302
    assert rates.of(account).segment_out == Decimal("0.01")
    assert AuditEntry.objects.filter(verb="changed_rates").exists()
