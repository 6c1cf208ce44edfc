"""One budget of requests to a ServiceTitan tenant, whoever asks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aiohttp import web
from django.db import connection, transaction

from common import sql
from integrations.messaging import ProviderError
from integrations.servicetitan import budget
from integrations.servicetitan.access import ServiceTitanAccess
from tests.integrations.tenant import Tenant, problem

ACCESS = ServiceTitanAccess("client", "secret", "app", "42", base_url="http://127.0.0.1:9")
SOURCE = budget.source_of(ACCESS)


def until(source: str = SOURCE) -> float:
    """Seconds from the clock's zero until all turns taken so far are over."""
    return float(
        sql.value(
            "SELECT extract(epoch FROM tat) FROM integrations_requestbudget WHERE source = %s", [source]
        )
    )


def now() -> float:
    return float(sql.value("SELECT extract(epoch FROM clock_timestamp())"))


@pytest.mark.django_db
def test_a_burst_goes_at_once_and_then_turns_are_apart() -> None:
    began = now()
    waits = [budget.take(SOURCE) for _ in range(60)]
    assert all(wait <= 0 for wait in waits[: budget.BURST])
    assert until() - began >= (60 - budget.BURST) / budget.REQUESTS_PER_SECOND
    assert budget.BURST + budget.REQUESTS_PER_SECOND < budget.TENANT_LIMIT


@pytest.mark.django_db(transaction=True)
def test_all_who_speak_to_a_tenant_share_its_turns() -> None:
    """Eight connections, as of eight processes: every turn is somebody's alone."""
    began = now()

    def many(_: int) -> list[float]:
        try:
            return [budget.take(SOURCE) for _ in range(25)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = [wait for waits in pool.map(many, range(8)) for wait in waits]
    assert len(taken) == 200
    assert until() - began >= (200 - budget.BURST) / budget.REQUESTS_PER_SECOND


@pytest.mark.django_db(transaction=True)
def test_turns_of_a_process_that_died_are_lost_to_nobody_else() -> None:
    budget.take(SOURCE)
    before = until()

    def dies() -> None:
        with transaction.atomic():
            budget.take(SOURCE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    assert until() == before, "its turn went back with it"
    assert budget.take(SOURCE) <= 0


@pytest.mark.django_db
def test_tenants_and_apps_have_budgets_of_their_own() -> None:
    others = [
        replace(ACCESS, tenant_id="43"),
        replace(ACCESS, app_key="other"),
        replace(ACCESS, base_url="x"),
    ]
    assert len({SOURCE, *map(budget.source_of, others)}) == 4
    assert budget.source_of(replace(ACCESS, client_id="renewed")) == SOURCE
    for _ in range(100):
        budget.take(SOURCE)
    assert budget.take(budget.source_of(others[0])) <= 0


@pytest.mark.django_db
def test_who_is_held_back_waits_and_who_would_wait_too_long_is_told() -> None:
    waited: list[float] = []
    budget.take(SOURCE)
    budget.hold(SOURCE, 5.0)
    budget.wait_for_turn(SOURCE, pause=waited.append)
    assert 0 < waited[0] <= 5.0
    sql.run("UPDATE integrations_requestbudget SET tat = clock_timestamp() + interval '1 minute'")
    with pytest.raises(ProviderError) as refused:
        budget.wait_for_turn(SOURCE, pause=waited.append)
    assert refused.value.code == "429" and len(waited) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "held"), [({"Retry-After": "7"}, 7.0), ({}, 1.0), ({"Retry-After": "900"}, 15.0)]
)
def test_a_429_holds_back_everybody(tenant: Tenant, header: dict[str, str], held: float) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    refusal = problem(429)
    refusal.headers.update(header)
    tenant.script = [refusal]
    client = tenant.client(client_id="held")
    began = now()
    assert client.job(5).id == 5
    assert held - 0.5 < until(budget.source_of(client.access)) - began < held + 10  # the machine may be slow
    assert isinstance(refusal, web.Response)
