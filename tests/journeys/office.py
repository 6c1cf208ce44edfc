"""A member of the demo company at work over HTTP, the customers' phones, and the database behind them."""

import html
import json
import re
from typing import Any

import httpx
import psycopg

from config import embedded
from config.demo.company import PASSWORD
from tests.product import Product


class Office:
    """One person signed in to a running product."""

    def __init__(self, product: Product, email: str) -> None:
        self.product = product
        self.http = httpx.Client(
            base_url=product.url, follow_redirects=True, timeout=30, trust_env=False,
            headers={"Origin": product.url},
        )  # fmt: skip
        self.get("/login/")
        page = self.post("/login/", username=email, password=PASSWORD)
        assert "Sign out" in page, f"{email} is not signed in"

    def close(self) -> None:
        """Hang up."""
        self.http.close()

    def get(self, path: str) -> str:
        """A page, which must be there."""
        answer = self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def post(self, path: str, **fields: str) -> str:
        """Submit a form; the page it leads to."""
        answer = self.http.post(path, data={**fields, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]})
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.text

    def launch(self, *, name: str, audience: str) -> int:
        """Go through the creation modal as a person would, by the names on it; the campaign's id."""
        page = self.get("/campaigns/new/")
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token is not None
        page = self.stage(
            "workflow", token[1], name=name, workflow=option(page, "workflow", "Tune-up season")
        )
        page = self.stage("audience", token[1], audience=option(page, "audience", audience))
        page = self.stage("sender", token[1], number=radio(page, "number", "Main line"))
        page = self.stage("time", token[1], start="now")
        admitted = re.search(r'name="admitted" value="(\d+)"', page)
        reviewed = re.search(r'name="plan" value="(\w+)"', page)
        assert admitted is not None and reviewed is not None, page
        answer = self.http.post(
            "/campaigns/new/review/",
            data={
                "csrfmiddlewaretoken": self.http.cookies["csrftoken"],
                "token": token[1], "admitted": admitted[1], "plan": reviewed[1],
            },
        )  # fmt: skip
        found = re.search(r"/campaigns/(\d+)/$", str(answer.url))
        assert answer.status_code == 200 and found, f"not launched: {answer.status_code} {answer.text[:3000]}"
        return int(found[1])

    def stage(self, stage: str, token: str, **fields: str) -> str:
        """Fill one stage of a launch; the page of the next."""
        return self.post(f"/campaigns/new/{stage}/", token=token, **fields)

    def cell(self, campaign: int, node: str, column: str) -> int:
        """A figure of the campaign page's node table."""
        found = re.search(
            rf'data-node="{node}" data-column="{column}" value="(\d+)"', self.get(f"/campaigns/{campaign}/")
        )
        assert found is not None, f"{node} has no {column}"
        return int(found[1])

    def tile(self, metric: str) -> int:
        """A figure of the dashboard."""
        found = re.search(rf'data-metric="{metric}" value="(\d+)"', self.get("/"))
        assert found is not None, f"there is no tile {metric}"
        return int(found[1])


def option(page: str, select: str, label: str) -> str:
    """The value behind a choice whose words begin with `label`."""
    block = re.search(rf'<select[^>]*name="{select}".*?</select>', page, re.DOTALL)
    assert block is not None, f"the form has no {select}"
    for value, words in re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)<', block[0]):
        if html.unescape(words).strip().startswith(label):
            return str(value)
    raise AssertionError(f"{select} offers no {label}: {block[0]}")


def radio(page: str, name: str, label: str) -> str:
    """The value of the button to choose whose words begin with `label`."""
    for block in re.findall(r"<label.*?</label>", page, re.DOTALL):
        value = re.search(rf'name="{name}" value="([^"]*)"|value="([^"]*)"[^>]* name="{name}"', block)
        words = html.unescape(re.sub(r"<[^>]+>", " ", block)).split()
        if value and " ".join(words).startswith(label):
            return value[1] or value[2]
    raise AssertionError(f"{name} offers no {label}")


class Phones:
    """The customers' side: the sandbox of a running product, and its ledger."""

    def __init__(self, product: Product) -> None:
        port = (product.data / "sandbox.port").read_text()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    def close(self) -> None:
        """Hang up."""
        self.http.close()

    def be_predictable(self) -> None:
        """Nobody answers by themselves any more, and the office turns no booking down."""
        self.http.post("/customers", json={"mode": "silent"}).raise_for_status()
        self.http.post("/faults", json={"servicetitan": {"dismiss": 0.0}}).raise_for_status()

    def say(self, phone: str, body: str) -> None:
        """Somebody texts the product, which must take it in."""
        answer = self.http.post(f"/customers/{phone}/say", json={"body": body}).json()
        assert 200 <= answer["status"] < 300, answer

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        """Everything the providers were told of one kind, oldest first."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self.http.get(
                "/ledger.json", params={"kind": kind, "after": entries[-1]["id"] if entries else 0}
            ).json()
            if not page["entries"]:
                return entries
            entries += page["entries"]


def rows(product: Product, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What the product's database holds."""
    address = embedded.database(product.data)
    with psycopg.connect(host=address["HOST"], user=address["USER"], dbname=address["NAME"]) as connection:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]


def recount(product: Product) -> dict[str, Any]:
    """Every counter against its rows, which must agree at this instant."""
    done = product.manage("recount", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["differences"] == []
    return found
