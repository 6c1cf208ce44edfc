"""A download outlives whoever builds it: real processes, killed by SIGKILL in the middle."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from accounts.models import Membership, Role
from analytics.downloads import building, files, leases, queueing, sources
from analytics.models import Download, DownloadSlice
from common import clock, sql
from tests.accounts.making import make_user
from tests.analytics import world
from tests.product import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

BUILDER = """
import time, django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {name!r}
from django.db import connections
connections["default"].settings_dict["NAME"] = {name!r}
from analytics.downloads import building, csv_file, leases
building.SLICE_ROWS = 2
copy = csv_file._copy
def slowly(*args):
    time.sleep(0.3)
    return copy(*args)
csv_file._copy = slowly
while building.build_waiting(go_on=lambda: True) == 0:
    time.sleep(0.1)
"""


def test_a_killed_builder_is_followed_by_another_and_nothing_is_written_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company = world.build()
    person = make_user(name="Ana")
    Membership.objects.create(account=company.account, user=person, role=Role.CSR)
    steps = [company.step(company.enrol()).pk for _ in range(40)]
    params = {"campaign": str(company.campaign.pk), "column": "entered"}
    asked = {"form": "csv", "by": person, "now": clock.now()}
    download, _ = queueing.ask(company.account, sources.get("campaign"), params, **asked)
    builder = start()
    try:
        wait(lambda: Download.objects.get(pk=download.pk).done >= 4, builder)
    finally:
        os.kill(builder.pid, signal.SIGKILL)
        builder.wait()
    download.refresh_from_db()
    assert download.state == "building" and 4 <= download.done < 40
    assert leases.take() is None, "its lease still holds"
    sql.run("UPDATE analytics_download SET leased_until = clock_timestamp() - interval '1 second'")
    monkeypatch.setattr(building, "SLICE_ROWS", 2)
    assert building.build_waiting(go_on=lambda: True) == 1
    assert building.build_waiting(go_on=lambda: True) == 0
    download.refresh_from_db()
    assert (download.state, download.rows, download.total, download.attempt) == ("ready", 40, 40, 2)
    assert not DownloadSlice.objects.exists()
    body = b"".join(files.content(download, 0, download.bytes - 1)).decode("utf-8-sig")
    written = [int(line["Step"]) for line in csv.DictReader(io.StringIO(body, newline=""))]
    assert written == sorted(steps, reverse=True)


def start() -> "subprocess.Popen[bytes]":
    from django.db import connection

    program = BUILDER.format(name=connection.settings_dict["NAME"])
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env=environment)


def wait(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180  # it starts slowly on a busy machine
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
