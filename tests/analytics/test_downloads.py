"""Downloads: their files hold exactly the rows of the list, harmless to spreadsheets, whoever is killed."""

import csv
import io

import pytest
from django.db import connection
from django.db.models import Model

from accounts.models import Membership, Role, User
from analytics import metrics
from analytics.downloads import building, files, queueing, sources, statements
from analytics.downloads.columns import OF
from analytics.models import Download, DownloadSlice
from common import clock
from tests.accounts.making import make_user
from tests.analytics import world
from tests.analytics.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> World:
    return world.build()


@pytest.fixture
def person(company: World) -> User:
    user = make_user(name="Ana")
    Membership.objects.create(account=company.account, user=user, role=Role.CSR)
    return user


def queue(company: World, person: User, form: str = "csv", **params: str) -> Download:
    params = {"campaign": str(company.campaign.pk), **params}
    asked = {"by": person, "now": clock.now()}
    return queueing.ask(company.account, sources.get("campaign"), params, form=form, **asked)[0]


def build(download: Download) -> Download:
    building.build_waiting(go_on=lambda: True)
    download.refresh_from_db()
    return download


def content(download: Download) -> bytes:
    return b"".join(files.content(download, 0, download.bytes - 1))


def lines(download: Download) -> list[dict[str, str]]:
    text = content(download).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_file_holds_the_rows_of_the_list(
    company: World, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "SLICE_ROWS", 2)
    for state in ("failed", "failed", "failed", "completed", "failed", "failed"):
        company.step(company.enrol(), state=state)
    download = build(queue(company, person, column="failed", node="first_text"))
    assert (download.state, download.total, download.rows, download.error) == ("ready", 5, 5, "")
    behind = metrics.rows_behind(company.campaign, "first_text", "failed")
    assert [int(line["Step"]) for line in lines(download)] == list(behind.values_list("pk", flat=True))
    assert {line["State"] for line in lines(download)} == {"Failed"}
    assert len(content(download)) == download.bytes
    assert not DownloadSlice.objects.exists()


@pytest.mark.parametrize("model", list(OF), ids=lambda model: model.__name__)
def test_every_column_of_every_kind_of_row_can_be_read(model: type[Model], company: World) -> None:
    for query, params in (
        statements.as_csv(model, OF[model], 0),
        statements.as_cells(model, OF[model], 0, company.account.zone),
    ):
        with connection.cursor() as cursor, cursor.copy(query, params) as answer:
            assert list(answer) == []
