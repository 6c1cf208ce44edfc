"""How long sixty steps of a workflow take to be laid out as a diagram: the editor's page in a real browser.

Timed is all that opening the page or an edit waits for (`diagram` of static/js/diagram.js): measuring the
cards, placing them, drawing the lines. Nothing is remembered from one layout to the next.
"""

import mimetypes
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Route, sync_playwright

from accounts.models import Account, Membership, Role, User
from bench.measurement import Measurement
from campaigns import editing, workflow_list
from campaigns.drawing import Drawing
from campaigns.editing import TOP, Place
from campaigns.models import Workflow
from common import clock

STEPS, LAYOUTS, PAGES = 60, 20, 5
MOST_MS = 100
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_ORIGIN = "http://editor.example"
_ASKED = {"label": "yes", "field": "replied", "operator": "is", "value": True}
_TAKEN = "performance.getEntriesByName('diagram').map((one) => one.duration)"
_PLACES = "[...document.querySelectorAll('.node-card')].map((one) => getComputedStyle(one).transform).join()"


def measurements(
    steps: int = STEPS, layouts: int = LAYOUTS, pages: int = PAGES, browser: Browser | None = None
) -> Iterator[Measurement]:
    """Median and p95 of layouts in a page that is open, and the median of the first ones of fresh pages; in
    a browser of its own unless one is given."""
    call_command("collectstatic", verbosity=0, interactive=False)
    content = _page(steps)
    if browser is not None:
        firsts, taken = _timed(browser, content, layouts, pages)
    else:
        with sync_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
            own = playwright.chromium.launch(executable_path=path, args=_FLAGS)
            firsts, taken = _timed(own, content, layouts, pages)
            own.close()
    ordered = sorted(taken)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    for name, value in (("", median(taken)), ("_p95", p95), ("_first", median(firsts))):
        yield Measurement(
            f"editor_layout{name}", steps, value, "ms", "the most allowed", MOST_MS, value / MOST_MS
        )


def _page(steps: int) -> bytes:
    """The editor's page of such a workflow, as the product serves it."""
    workflow, by = _workflow(steps)
    client = Client()
    client.force_login(by)
    page = client.get(reverse("campaigns:editor", args=[workflow.pk]))
    if page.status_code != 200:
        raise RuntimeError(f"the editor answered {page.status_code}")
    return page.content


def _timed(browser: Browser, content: bytes, layouts: int, pages: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the first layout of fresh pages, and of layouts in one that is open."""
    firsts = []
    for _ in range(pages):
        fresh = _open(browser, content)
        firsts.append(fresh.evaluate(_TAKEN)[0])
        fresh.close()
    page = _open(browser, content)
    taken = _laid_out(page, layouts)
    said = ", ".join(f"{one:.0f}" for one in taken)
    print(f"first {[round(one) for one in firsts]} ms, then {said} ms: {_parts(page)}", file=sys.stderr)
    page.close()
    return firsts, taken


def _laid_out(page: Page, layouts: int) -> list[float]:
    """Milliseconds of so many layouts. Raises where one places a card elsewhere than the first did."""
    page.emulate_media(reduced_motion="reduce")  # cards are where they stand, not on their way
    first = page.evaluate(_PLACES)
    page.evaluate("performance.clearMeasures()")
    for _ in range(layouts):
        page.evaluate("document.dispatchEvent(new Event('diagram'))")
        if page.evaluate(_PLACES) != first:
            raise RuntimeError("the same workflow was laid out in two ways")
    taken: list[float] = page.evaluate(_TAKEN)
    return taken


def _parts(page: Page) -> str:
    """What the layouts spent on each of their parts, on average, in words."""
    told = "(name) => performance.getEntriesByName(name).map((one) => one.duration)"
    spent = {name: page.evaluate(told, name) for name in ("measuring", "layout", "drawing")}
    return ", ".join(f"{name} {sum(each) / max(len(each), 1):.1f} ms" for name, each in spent.items())


def _open(browser: Browser, content: bytes) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.route("**/*", lambda route: _answer(route, content))
    page.goto(f"{_ORIGIN}/")
    page.wait_for_selector("#editor[data-drawn]")
    return page


def _answer(route: Route, content: bytes) -> None:
    """The page, and its files; nothing else has anything to say here."""
    path = urlsplit(route.request.url).path
    if path == "/":
        route.fulfill(body=content, content_type="text/html; charset=utf-8")
    elif path.startswith(settings.STATIC_URL):
        file = Path(settings.STATIC_ROOT) / path.removeprefix(settings.STATIC_URL)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        route.fulfill(body=file.read_bytes(), content_type=kind)
    else:
        route.fulfill(status=204)


def _workflow(steps: int) -> tuple[Workflow, User]:
    """A draft of so many steps, of which every fourth is a branch."""
    account = Account.objects.create(name="Bench", slug="bench-editor")
    by = User.objects.create_user(email="editor@example.com", password="not for signing in")
    Membership.objects.create(user=by, account=account, role=Role.MARKETER)
    text = {"body": "Hi {{ first_name }}, {{ company }} here."}
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="first", name="First", settings=text)
    at = Place("first", "next")
    for n in range(steps - 2):
        key, branches = f"step_{n}", n % 4 == 3
        kind, chosen = ("branch", {"conditions": [_ASKED]}) if branches else ("send_sms", text)
        drawn = editing.insert(drawn, at, kind, key=key, name=f"Step {n}", settings=chosen)
        at = Place(key, ("yes" if n % 8 == 3 else "otherwise") if branches else "next")
    return workflow_list.begin(account, "Sixty steps", drawn, by=by, now=clock.now()), by
