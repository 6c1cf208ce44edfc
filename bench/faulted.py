"""One fault's course on a running product: a launch, its disturbance, two days' passing, and the facts.

Whoever is planned lives in one of four time zones. The last opens only after the fault: the clock's move to
the next day texts it, ends what nobody can vouch for, and lets every passage run out.
"""

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import psycopg

from bench import load_company
from bench.judging import Entry, Facts, Passage, Turn, judge
from bench.product import ROOT, Product
from common import clock
from config import embedded

LAUNCH_SECONDS = 8  # how long the number's rate stretches a launch, so that instants fall amid it
SETTLE_SECONDS = 90.0
PATIENCE_SECONDS = 30.0  # for a server that was killed
Params = Sequence[Any] | Mapping[str, Any] | None
NOON, LATE = (18, 0), (19, 30)  # UTC: 12:00 in Chicago; 9:30 in Hawaii, after its opening

_HISTORY = """
create table {into} (was text not null, became text not null, code text not null);
create function note_{into}() returns trigger language plpgsql as $$
begin
    insert into {into} values (old.state, new.state, old.code);
    return null;
end $$;
create trigger {into} after update on {of} for each row
    when (old.state is distinct from new.state) execute function note_{into}();
"""
_UNSENT = """
select count(*) from campaigns_step step join campaigns_node node on node.id = step.node_id
left join conversations_message message on message.id = step.message_id
where step.campaign_id = any(%(campaigns)s) and node.key = 'text'
  and (step.state = 'queued' or message.state = 'calling'
       or step.state = 'scheduled' and step.due_at <= %(now)s)
"""
_UNAPPLIED = "select 1 from integrations_providerevent where applied_at is null limit 1"
_PASSAGES = """
select address.value, enrollment.state, enrollment.ended_reason, coalesce(step.state, ''),
       coalesce(step.reason, ''),
       (select count(*) from campaigns_step open
        where open.enrollment_id = enrollment.id and open.state in ('scheduled', 'queued', 'waiting'))
from campaigns_enrollment enrollment
join audiences_address address on address.id = enrollment.address_id
left join campaigns_step step on step.enrollment_id = enrollment.id
    and step.node_id in (select id from campaigns_node where key = '{node}')
where enrollment.campaign_id = any(%s)
"""
PASSAGES = _PASSAGES.format(node="text")
EXCLUSIONS = """
select address.value, exclusion.reason from campaigns_exclusion exclusion
join audiences_contactaddress link on link.contact_id = exclusion.contact_id
join audiences_address address on address.id = link.address_id
where exclusion.campaign_id = any(%s)
"""


class Database:
    """The product's own database; it may be away for a while."""

    def __init__(self, product: Product) -> None:
        address = embedded.database(product.data)
        self.place = {"host": address["HOST"], "user": address["USER"], "dbname": address["NAME"]}

    def rows(self, sql: str, parameters: Params = None) -> list[tuple[Any, ...]]:
        """A statement's rows; tried for 30 s while nobody answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with psycopg.connect(**self.place, autocommit=True) as connection:
                    cursor = connection.execute(sql.encode(), parameters)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def keep_history(self, of: str = "conversations_message", into: str = "bench_turn") -> None:
        """Note every change of state of a table's rows from now on, by a trigger of our own."""
        self.rows(_HISTORY.format(of=of, into=into))


class Provider:
    """The sandbox over HTTP; it may be dead for a while."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.seen = 0

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request, repeated for 30 s while nobody answers; its JSON."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.http.request(method, path, **options).raise_for_status().json()
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def misbehave(self, **faults: Any) -> None:
        """Switch faults on."""
        self.call("POST", "/faults", json=faults)

    def heal(self) -> None:
        """No faults; opted-out phones are not refused: the product must not try them."""
        self.call("DELETE", "/faults")
        self.misbehave(block_opted_out=False)

    def entries(self, kind: str, after: int) -> list[Entry]:
        """The ledger's entries of a kind with an id above `after`."""
        found: list[Entry] = []
        while True:
            page = self.call("GET", "/ledger.json", params={"kind": kind, "after": after})
            if not page["entries"]:
                return found
            found += page["entries"]
            after = page["last"]

    def skip_past(self) -> int:
        """The id of the newest entry of the ledger."""
        self.seen = max((entry["id"] for entry in self.entries("", self.seen)), default=self.seen)
        return self.seen

    def say(self, phone: str, body: str, number: str, intent: str = "optout") -> dict[str, Any]:
        """A customer types; how the product answered."""
        wish = {"body": body, "to": number, "intent": intent}
        answer: dict[str, Any] = self.http.post(f"/customers/{phone}/say", json=wish).json()
        return answer

    def idle(self) -> bool:
        """Whether every text has its final status and every callback about one was posted."""
        health = self.call("GET", "/healthz")
        return not health["unfinished_messages"] and not health["pending"].keys() & {"callback", "inbound"}


@dataclass
class Course:
    """One fault on one product. Disturbances use what is public here; every draw comes from `rng`."""

    node: ClassVar[str] = "text"  # where everybody's first message leaves
    taken_kind: ClassVar[str] = "message"  # the ledger's word for what the provider took
    product: Product
    database: Database
    provider: Provider
    rng: random.Random
    recipients: int
    rate: int  # segments a second of the number
    clicks: int = 1
    number: str = ""
    campaigns: list[int] = field(default_factory=list)
    facts: Facts = field(default_factory=lambda: Facts({}))
    unsettled: str = ""
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # of how long things took
    planned: range = range(0)  # the customers' indexes
    texts: list[Entry] = field(default_factory=list)
    since: int = 0  # the ledger's last entry before this course
    _campaigns_before: set[int] = field(default_factory=set)

    def run(self, disturb: Callable[["Course"], None]) -> Facts:
        """The whole course; `unsettled` says what had not come to rest in time."""
        self._begin()
        disturb(self)
        self.provider.heal()
        self._await(self._all_called, "texts are not called")
        self.recount()
        self.move_clock(*LATE)
        self._await(self._all_called, "texts of the late zone are not called")
        self._await(self._none_unknown, "sends whose answer was lost are not given up")
        self._await(self._all_told, "callbacks are not posted and applied")
        self.move_clock(*NOON)
        self._await(self._all_ended, "passages have not ended")
        self.recount()
        self._gather()
        return self.facts

    def _begin(self) -> None:
        self.move_clock(*NOON)
        self.provider.heal()
        self.database.rows("truncate bench_turn")
        self.since = self.provider.skip_past()
        self._campaigns_before = self._all_campaigns()

    def _all_campaigns(self) -> set[int]:
        return {row[0] for row in self.database.rows("select id from campaigns_campaign")}

    def launch(self, *also: str) -> None:
        """Launch to new customers; disturbances call it when what must come first is in place.

        `also` are further options of `bench.load_company launch`.
        """
        clicks = ("--clicks", str(self.clicks))
        made = self.company("launch", str(self.recipients), *clicks, "--spread", *also)
        self.number = made["number"]
        self.planned = range(made["first"], made["first"] + self.recipients)
        self.facts.zones = {load_company.phone(index): load_company.zone(index) for index in self.planned}
        self.campaigns = sorted(self._all_campaigns() - self._campaigns_before)

    def company(self, *arguments: str) -> dict[str, Any]:
        """Run `bench.load_company` against the product."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.load_company", *arguments],
            cwd=ROOT, env=self.product.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def await_share(self, share: float) -> None:
        """Wait until the provider took this share of the texts that can leave today, at most 60 s."""
        open_now = sum(zone != load_company.HOMES[-1][2] for zone in self.facts.zones.values())
        wanted = share * open_now
        deadline = time.monotonic() + 60
        while self.texts_taken() < wanted and time.monotonic() < deadline:
            time.sleep(0.05)

    def texts_taken(self) -> int:
        """Texts of this course that the provider took so far; `texts` are they."""
        last = self.texts[-1]["id"] if self.texts else self.since
        self.texts += self.provider.entries(self.taken_kind, last)
        return len(self.texts)

    def complain(self, words: str) -> None:
        """What no figure tells, and must not be either: the fault counts as not withstood."""
        self.complaints.append(words)

    def await_that(self, condition: Callable[[], object], seconds: float, otherwise: str) -> bool:
        """Wait until something holds, at most so long; complains otherwise."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.complain(f"{otherwise} within {seconds:.0f} s")
                return False
            time.sleep(0.1)
        return True

    def story(self) -> str:
        """In words: what the provider took and how the passages ended, for whoever looks into a figure."""
        ends = Counter(p.excluded or f"{p.step} {p.step_reason}".strip() for p in self.facts.passages)
        counted = ", ".join(f"{n} {how}" for how, n in ends.most_common())
        left = f" Left over: {self.unsettled}." if self.unsettled else ""
        also = f" But: {'; '.join(self.complaints)}." if self.complaints else ""
        notes = f" Also {'; '.join(self.notes)}." if self.notes else ""
        return f"{len(self.facts.texts)} texts; {counted}.{left}{also}{notes}"

    def recount(self) -> None:
        """Ask the counters, note how many cells differ; skipped while the database is away."""
        done = self.product.manage("recount", "--json")
        with contextlib.suppress(json.JSONDecodeError):
            differences = json.loads(done.stdout)["differences"]
            self.facts.drift = [*self.facts.drift, len(differences)]
            for difference in differences[:5]:
                print(f"drift: {difference}", file=sys.stderr)

    def _all_called(self) -> bool:
        finished = self.database.rows(
            "select 1 from campaigns_intake where campaign_id = any(%s) and finished_at is not null",
            [self.campaigns],
        )
        soon = clock_of(self.product) + timedelta(minutes=5)
        ((unsent,),) = self.database.rows(_UNSENT, {"campaigns": self.campaigns, "now": soon})
        return len(finished) == len(self.campaigns) and not unsent

    def _none_unknown(self) -> bool:
        """By now the validity of whatever nobody can vouch for is over."""
        unknown = "select 1 from conversations_message where state = 'unknown' limit 1"
        return not self.database.rows(unknown)

    def _all_told(self) -> bool:
        """Twice idle, a second apart: a callback may be on its way."""
        if not self._idle():
            return False
        time.sleep(1.0)
        return self._idle() and not self.database.rows(_UNAPPLIED)

    def _idle(self) -> bool:
        return self.provider.idle()

    def _all_ended(self) -> bool:
        live = "select 1 from campaigns_enrollment where campaign_id = any(%s) and state = 'active' limit 1"
        return not self.database.rows(live, [self.campaigns])

    def _await(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Wait; what does not come to rest is left to the judge, with a word on standard error."""
        deadline = time.monotonic() + SETTLE_SECONDS + self.recipients / 50
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                if condition():
                    return
            time.sleep(0.3)
        self.unsettled = self.unsettled or otherwise

    def move_clock(self, hour: int, minute: int) -> None:
        """On to the next such time (UTC), half a day away or more, that is no Sunday."""
        present = clock_of(self.product)
        wanted = present.replace(hour=hour, minute=minute, second=0, microsecond=0)
        while wanted < present + timedelta(hours=12) or wanted.weekday() == 6:
            wanted += timedelta(days=1)
        self.set_clock(wanted)

    def set_clock(self, wanted: datetime) -> None:
        """Show this time from now on."""
        before = clock_of(self.product) - datetime.now(UTC)
        self.facts.steps = [*self.facts.steps, (time.time(), before.total_seconds())]
        clock.set_offset(wanted - datetime.now(UTC), self.product.data / clock.FILE_NAME)
        time.sleep(1.0)  # every process reads the clock's file twice a second

    def figures(self) -> dict[str, int]:
        """What it came to: the contract's figures."""
        return judge(self.facts)

    def finish(self) -> None:
        """Leave nothing of its own behind, however far it came."""

    def _gather_people(self) -> None:
        """What customers wrote, and how their passages ended."""
        facts, rows = self.facts, self.database.rows
        facts.inbounds = self.provider.entries("inbound", self.since)
        excluded = [Passage(phone, excluded=why) for phone, why in rows(EXCLUSIONS, [self.campaigns])]
        ended = rows(_PASSAGES.format(node=self.node), [self.campaigns])
        facts.passages = [Passage(*row) for row in ended] + excluded
        heard = rows("select provider_id from conversations_message where kind = 'inbound'")
        facts.kept = frozenset(sid for (sid,) in heard)

    def _gather(self) -> None:
        self._gather_people()
        facts, rows = self.facts, self.database.rows
        facts.texts = self.provider.entries("message", self.since)
        facts.callbacks = self.provider.entries("callback", self.since)
        ids = [text["sid"] for text in facts.texts]
        states = rows(
            "select provider_id, state from conversations_message where provider_id = any(%s)", [ids]
        )
        facts.states = dict(states)
        confirming = rows(
            "select provider_id from conversations_message"
            " where provider_id = any(%s) and kind = 'automatic' and starts_with(origin, 'confirm:')",
            [ids],
        )
        facts.confirmations = frozenset(sid for (sid,) in confirming)
        facts.turns = [Turn(*row) for row in rows("select was, became, code from bench_turn")]


def clock_of(product: Product) -> datetime:
    """What the product's clock shows."""
    kept = json.loads((product.data / clock.FILE_NAME).read_text())
    return datetime.now(UTC) + timedelta(seconds=float(kept["offset_seconds"]))
