"""What a CSR types into the creation modal, stage by stage, in an account that can launch."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from audiences.models import Audience
from campaigns.models import LaunchDraft, WorkflowVersion
from integrations.models import SendingNumber
from tests import factories
from tests.accounts.making import signed_in

URL, DISCARD = reverse("campaigns:launch"), reverse("campaigns:launch_discard")
HTMX = {"HX-Request": "true"}
MODAL = {**HTMX, "HX-Target": "div#modal-body"}
FORMS = ("workflow", "audience", "sender", "time")


@dataclass
class Ready:
    """An account that can launch, its CSR's browser, and what the CSR types."""

    account: Account
    client: Client
    version: WorkflowVersion
    audience: Audience
    number: SendingNumber

    @property
    def draft(self) -> LaunchDraft:
        return LaunchDraft.objects.get(account=self.account)

    def open(self, **headers: str) -> str:
        """Open the modal."""
        return self.client.get(URL, headers=headers).content.decode()

    def form(self, stage: str, **changes: Any) -> dict[str, Any]:
        """What the browser would send from a stage."""
        typed: dict[str, dict[str, Any]] = {
            "workflow": {"name": "Spring tune-ups", "workflow": self.version.pk, "playbook": ""},
            "audience": {"audience": self.audience.pk, "r-match": "all", "save_as": ""},
            "sender": {"number": self.number.pk},
            "time": {"start": "now", "starts_at": ""},
            "review": {name: self.draft.reviewed.get(name, "") for name in ("admitted", "plan")},
        }
        return {"token": str(self.draft.token), **typed[stage], **changes}

    def post(self, stage: str, headers: dict[str, str] | None = None, **changes: Any) -> HttpResponse:
        """Submit one stage."""
        return self.client.post(at(stage), self.form(stage, **changes), headers=headers)

    def fill(self, until: str = "review", **changes: Any) -> str:
        """Fill the stages before `until`, each holding; the page of `until`."""
        self.open()
        for stage in FORMS[: ([*FORMS, "review"]).index(until)]:
            fits = {k: v for k, v in changes.items() if k in FIELDS[stage] or _of_rules(stage, k)}
            answer = self.post(stage, **fits)
            assert answer.status_code == 302, (stage, answer.content.decode())
        return self.client.get(at(until)).content.decode()


FIELDS = {
    "workflow": {"name", "workflow", "playbook"},
    "audience": {"audience", "exclusions", "save_as"},
    "sender": {"number"},
    "time": {
        "start", "starts_at", "texts_per_hour", "send_by_hours", "exits", "joining", "joins_until",
        "again_days", "repeats", "repeats_every", "repeats_until", "again", "credit_window_days", "first",
        "canary_percent", "canary_people", "canary_minutes",
    },
}  # fmt: skip


def _of_rules(stage: str, name: str) -> bool:
    return stage == "audience" and name.startswith("r-")


def condition(place: str, field: str, op: str, **value: Any) -> dict[str, Any]:
    """One rule as the builder's inputs send it."""
    typed = {"field": field, "is": op, **value}
    return {f"r-{place}-{part}": given for part, given in typed.items()}


def with_unit(pk: int) -> dict[str, Any]:
    """The rule of who had a job with a business unit."""
    return {"r-0-match": "all", "r-0-of": "job", **condition("0-0", "job.unit", "any_of", value=[pk])}


def at(stage: str) -> str:
    return reverse("campaigns:launch_stage", args=[stage])


@pytest.fixture
def ready() -> Ready:
    account = factories.make_account("Comfort Air")
    for number in range(3):
        factories.make_contact(account, f"+1312555010{number}", first_name=f"Pat{number}")
    return Ready(
        account,
        signed_in(factories.make_user(account, "csr")),
        factories.make_workflow(account, name="Tune-up season"),
        factories.make_audience(account, name="Everybody"),
        factories.make_number(account, segments_per_second=1),
    )
