"""Downloads: their files hold exactly the rows of the list, harmless to spreadsheets, whoever is killed."""

import csv
import html
import io
import re
import zipfile
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Membership, Role, User
from analytics import metrics
from analytics.downloads import building, files, queueing, sources, statements
from analytics.downloads.columns import OF
from analytics.models import Download, DownloadChunk, DownloadSlice
from audiences import counting, suppression
from audiences.models import Address
from campaigns.models import Step
from common import clock, sql
from common.spreadsheets import harmless
from conversations.models import Message
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
    csv.field_size_limit(20_000_000)
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


LISTS = {
    "contacts": ("audiences:contacts", "", "Contact"),
    "records": ("analytics:campaign", "?tab=records&state=active", "Contact"),
    "records of a search": ("analytics:campaign", "?tab=records&state=exits&q=contact", "Contact"),
    "opt_outs": ("analytics:opt_out_register", "", "Contact"),
    "tile": ("analytics:tile_rows", "", "Contact"),
    "campaign": ("analytics:campaign_rows", "?column=excluded", "Contact"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_button_gives_the_rows_of_the_list_above_which_it_stands(
    name: str, company: World, person: User, client: Client
) -> None:
    for n in range(4):
        company.step(company.enrol())
        enrollment = company.enrol()
        company.step(enrollment, state="failed")
        enrollment.state, enrollment.ended_reason, enrollment.ended_at = "ended", "finished", world.NOON
        enrollment.save()
        excluded = company.exclude().contact
        if n % 2:
            phone = f"+1312555010{n}"
            address = Address.objects.create(account=company.account, channel="phone", value=phone)
            suppression.opt_out(address, channel="phone", source="text", contact=excluded, now=clock.now())
    view, query, column = LISTS[name]
    args = {"analytics:tile_rows": ["scheduled"], "analytics:campaign": [company.campaign.pk],
            "analytics:campaign_rows": [company.campaign.pk]}.get(view, [])  # fmt: skip
    client.force_login(person)
    page = client.get(reverse(view, args=args) + query).content.decode()
    table = page.split("<tbody>", 1)[1].split("</tbody>")[0]
    listed = re.findall(r">\s*(Contact \d+ of [^<]+?)\s*<", table)
    form = page.split('<form class="menu__list"', 1)[1].split("</form>")[0]
    posted = {key: html.unescape(value) for key, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
    client.post(reverse("analytics:download_queue"), posted | {"format": "csv"})
    download = build(Download.objects.get())
    assert download.state == "ready" and len(listed) >= 2
    assert sorted(line[column] for line in lines(download)) == sorted(listed)


@pytest.mark.parametrize("model", list(OF), ids=lambda model: model.__name__)
def test_every_column_of_every_kind_of_row_can_be_read(model: type[Model], company: World) -> None:
    for query, params in (
        statements.as_csv(model, OF[model], 0),
        statements.as_cells(model, OF[model], 0, company.account.zone),
    ):
        with connection.cursor() as cursor, cursor.copy(query, params) as answer:
            assert list(answer) == []


def test_cancelling_stops_it_within_a_slice(
    company: World, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "SLICE_ROWS", 1)
    for _ in range(5):
        company.step(company.enrol())
    download = queue(company, person, column="entered")
    read = statements.as_csv

    def cancel_and_read(*args: Any) -> Any:
        found = read(*args)
        if DownloadSlice.objects.count() == 3:
            assert queueing.cancel(download, by=person, now=clock.now())
        return found

    monkeypatch.setattr(statements, "as_csv", cancel_and_read)
    assert build(download).state == "cancelled"
    assert (download.rows, DownloadChunk.objects.count(), DownloadSlice.objects.count()) == (2, 0, 0)


HOSTILE = [
    '=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\tcmd", "\r=1", "\n=1", "＝1+1", 'say "no"',
    "a,b;c", "two\nlines\r\nthree", "\u202eright to left", "\\N", "\\.", "'quoted", "", "x" * 40_000,
    "🚐" * 9, "\x01\x1f\ufffe", "_x0041_", "+13125550142", "=5", "{{ 7*7 }}", "<b>&amp;",
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_hostile_texts_are_harmless_and_lose_nothing(form: str, company: World, person: User) -> None:
    huge = "0123456789" * 1_050_000
    texts = [*HOSTILE, huge]
    for text in texts:
        step = company.step(company.enrol(), "first_text", "completed")
        message = company.text(step, "sent", accepted=True)
        Message.objects.filter(pk=message.pk).update(body=text)
        Step.objects.filter(pk=step.pk).update(message=message)
    download = build(queue(company, person, form, column="accepted"))
    assert (download.state, download.rows, download.error) == ("ready", len(texts), "")
    found = [line["Text"] for line in lines(download)] if form == "csv" else cells(download, "Text")
    assert found[::-1] == [harmless(text) if form == "csv" else text for text in texts]


def cells(download: Download, head: str) -> list[str]:
    """The texts of one column of an Excel file, read as XML: whole where they are on the second sheet."""
    archive = zipfile.ZipFile(io.BytesIO(content(download)))
    whole: dict[str, str] = {}
    if "xl/worksheets/sheet2.xml" in archive.namelist():
        for row in sheet(archive, 2)[1:]:
            whole[row[0]] = whole.get(row[0], "") + row[3]
    rows = sheet(archive, 1)
    place = rows[0].index(head)
    return [whole.get(str(number), row[place]) for number, row in enumerate(rows[1:], 2)]


def sheet(archive: zipfile.ZipFile, number: int) -> list[list[str]]:
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = []
    for row in ElementTree.parse(archive.open(f"xl/worksheets/sheet{number}.xml")).iter(f"{name}row"):
        values = [""] * 30
        for cell in row:
            assert cell.find(f"{name}f") is None, "a formula"
            text = cell.find(f"{name}is/{name}t")
            text = cell.find(f"{name}v") if text is None else text
            column = ord(cell.attrib["r"][0]) - 65
            values[column] = unescape(text.text or "") if text is not None else ""
        rows.append(values)
    return rows


def unescape(text: str) -> str:
    """Excel's own way of writing signs that XML lacks."""
    return re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


def test_expired_files_are_gone_and_say_so(company: World, person: User, client: Client) -> None:
    company.step(company.enrol())
    download = build(queue(company, person))
    client.force_login(person)
    address = reverse("analytics:download_file", args=[download.pk])
    assert client.get(address).status_code == 200
    assert download.kept_until is not None
    assert files.expire(now=download.kept_until - timedelta(seconds=1)) == 0
    assert files.expire(now=download.kept_until) == 1
    assert client.get(address).status_code == 404
    assert b"deleted after 7 days" in client.get(reverse("analytics:downloads")).content
    assert not DownloadChunk.objects.exists()
    assert queueing.again(download, by=person, now=clock.now())
    assert build(download).state == "ready"


def test_only_owner_and_admins_reach_a_download(company: World, person: User, client: Client) -> None:
    company.step(company.enrol())
    download = build(queue(company, person))
    elsewhere = world.build()
    people = {"owner": (person, 200)}
    for role in Role:
        user = make_user(name=f"Other {role}")
        Membership.objects.create(account=company.account, user=user, role=role)
        people[role] = (user, 200 if role == Role.ADMIN else 404)
    stranger = make_user(name="Stranger")
    Membership.objects.create(account=elsewhere.account, user=stranger, role=Role.ADMIN)
    people["admin elsewhere"] = (stranger, 404)
    for name, (user, status) in people.items():
        client.force_login(user)
        assert client.get(reverse("analytics:download_file", args=[download.pk])).status_code == status, name
        for verb in ("again", "cancel"):
            found = client.post(reverse(f"analytics:download_{verb}", args=[download.pk])).status_code
            assert found == (302 if status == 200 else 404), (name, verb)
        if status == 404:
            assert client.post(reverse("analytics:download_delete", args=[download.pk])).status_code == 404
            assert download.title not in client.get(reverse("analytics:downloads")).content.decode()
    client.force_login(people[Role.ADMIN][0])
    client.post(reverse("analytics:download_delete", args=[download.pk]))
    assert not Download.objects.filter(pk=download.pk).exists()


def test_a_broken_transfer_goes_on_where_it_stopped(
    company: World, person: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", 100)
    for _ in range(20):
        company.step(company.enrol())
    download = build(queue(company, person, column="entered"))
    client.force_login(person)
    address = reverse("analytics:download_file", args=[download.pk])
    whole = client.get(address)
    body = whole.getvalue()
    assert (int(whole["Content-Length"]), len(body)) == (download.bytes, download.bytes)
    assert DownloadChunk.objects.count() > 3
    assert whole["Content-Disposition"].startswith('attachment; filename="entered-tune-up')
    size, tag = len(body), whole["ETag"]
    for asked, first, last in (
        ("bytes=150-", 150, size - 1),
        ("bytes=99-100", 99, 100),
        ("bytes=-7", size - 7, size - 1),
    ):
        part = client.get(address, headers={"Range": asked, "If-Range": tag})
        assert (part.status_code, part["Content-Range"]) == (206, f"bytes {first}-{last}/{size}")
        assert part.getvalue() == body[first : last + 1]
    assert client.get(address, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert client.get(address, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200
    assert client.head(address)["Content-Length"] == str(size)


def test_a_search_that_takes_long_is_left_to_whoever_builds_the_file(
    company: World, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def search(account: Account, params: sources.Params) -> QuerySet[Any]:
        searched.append(sql.value("SELECT 0.3 FROM pg_sleep(0.3)"))
        return Step.objects.filter(campaign__account=account)

    monkeypatch.setitem(sources._SOURCES, "slow", slow := sources.Source("slow", "Slow", (), search))
    monkeypatch.setattr(counting, "AT_ONCE", 0.05)
    company.step(company.enrol())
    asked = {"form": "csv", "by": person, "now": clock.now()}
    download, new = queueing.ask(company.account, slow, {}, **asked)
    assert new and not searched, "nobody waits for it"
    assert build(download).rows == 1 and searched


def test_limits_and_the_same_file_twice(
    company: World, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "PERSON_WAITING", 2)
    first = queue(company, person)
    assert queue(company, person) == first
    queue(company, person, column="active")
    with pytest.raises(queueing.Refused, match="2 of your downloads"):
        queue(company, person, column="exits")
    for params in ({"column": "nonsense"}, {"campaign": str(world.build().campaign.pk)}, {"campaign": "x"}):
        with pytest.raises(sources.Unknown):
            queue(company, person, **params)


def test_who_may_no_longer_see_gets_no_file(company: World, person: User) -> None:
    company.step(company.enrol())
    download = queue(company, person)
    Membership.objects.filter(user=person).update(disabled_at=clock.now())
    assert build(download).state == "failed"
    assert "may no longer" in download.error


def test_more_rows_than_a_sheet_holds_are_refused_in_words(
    company: World, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "EXCEL_ROWS", 1)
    for _ in range(2):
        company.step(company.enrol())
    assert "CSV" in build(queue(company, person, "xlsx", column="entered")).error


def test_the_end_is_told_once(company: World, person: User, client: Client) -> None:
    company.step(company.enrol())
    client.force_login(person)
    queued = {"source": "campaign", "p.campaign": str(company.campaign.pk), "format": "csv", "back": "/"}
    page = client.post(reverse("analytics:download_queue"), queued, follow=True).content.decode()
    assert "is being made." in page and reverse("analytics:downloads") in page
    assert "is ready" not in page
    building.build_waiting(go_on=lambda: True)
    tile = reverse("analytics:tile_rows", args=["total_texts"])  # read in a read-only transaction
    assert "is ready: 1 row." in client.get(tile).content.decode()
    assert "is ready" not in client.get(tile).content.decode()
    assert "is ready" not in client.get("/").content.decode()


@pytest.mark.django_db(transaction=True)  # lists are read in a transaction that may write nothing
def test_lists_tell_the_end_too(company: World, person: User, client: Client) -> None:
    company.step(company.enrol())
    client.force_login(person)
    lists = [
        reverse("analytics:campaign_rows", args=[company.campaign.pk]),
        reverse("analytics:tile_rows", args=["audience_count"]),
        f"{reverse('analytics:sending_rows')}?figure=entries",
    ]
    for address in lists:
        queued = {"source": "campaign", "p.campaign": str(company.campaign.pk), "format": "csv"}
        client.post(reverse("analytics:download_queue"), queued)
        building.build_waiting(go_on=lambda: True)
        page = client.get(address)
        assert page.status_code == 200 and "is ready: 1 row." in page.content.decode(), address
