"""ServiceTitan for the sync's tests: single rows in the provider's own shape, and a sandbox tenant."""

from collections.abc import Iterator
from typing import Any

from integrations.servicetitan import records
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import Page, ServiceTitanClient
from tests.sandbox_process import SandboxProcess

MODIFIED = "2026-11-01T12:00:00Z"
HOME = {"unit": None, "city": "Denver", "state": "CO", "zip": "80202"}
AWAY = {"street": "9 Oak Ave", "unit": "2", "city": "Miami", "state": "FL", "zip": "33101"}


def customer(number: int, **fields: Any) -> records.Customer:
    """A residential customer in Denver."""
    row = {
        "name": f"Pat Person{number}",
        "type": "Residential",
        "address": HOME | {"street": f"{number} Main St"},
    }
    return records.Customer.model_validate({"id": number, "modifiedOn": MODIFIED} | row | fields)


def location(number: int, customer_id: int, **fields: Any) -> records.Location:
    """A service location in Miami."""
    row = {"id": number, "customerId": customer_id, "modifiedOn": MODIFIED, "address": AWAY}
    return records.Location.model_validate(row | fields)


def method(number: int, customer_id: int, kind: str, value: str, **fields: Any) -> records.CustomerContact:
    """A phone or mailbox."""
    settings = {"phoneNumber": value, "doNotText": fields.pop("doNotText", False)}
    row = {"id": number, "customerId": customer_id, "type": kind, "value": value, "phoneSettings": settings}
    return records.CustomerContact.model_validate({"modifiedOn": MODIFIED} | row | fields)


def job(number: int, customer_id: int, **fields: Any) -> records.Job:
    """A job completed on the first of May."""
    row = {
        "id": number, "jobNumber": str(number), "customerId": customer_id, "jobStatus": "Completed",
        "createdOn": "2026-04-20T12:00:00Z", "completedOn": "2026-05-01T12:00:00Z", "modifiedOn": MODIFIED,
        "businessUnitId": 3, "jobTypeId": 5, "total": 99.5,
    }  # fmt: skip
    return records.Job.model_validate(row | fields)


def tag(number: int, name: str, **fields: Any) -> records.TagType:
    """A tag type."""
    return records.TagType.model_validate({"id": number, "name": name} | fields)


class Tenant(ServiceTitanClient):
    """The product's client of a sandbox; before page `dies_after` it ends as a killed process would."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        keys = sandbox.credentials
        access = ServiceTitanAccess(
            client_id=keys["client_id"],
            client_secret=keys["client_secret"],
            app_key=keys["app_key"],
            tenant_id=keys["tenant_id"],
            base_url=sandbox.base_url,
            auth_base_url=sandbox.base_url,
        )
        super().__init__(access, pause=lambda seconds: None)
        self.sandbox = sandbox
        self.dies_after: int | None = None

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def export(self, entity: str, token: str = "", *, recent: bool = True) -> Iterator[Page]:
        """The real export, until it is time to die."""
        for page in super().export(entity, token, recent=recent):
            if self.dies_after is not None:
                self.dies_after -= 1
                if self.dies_after < 0:
                    raise KeyboardInterrupt
            yield page
