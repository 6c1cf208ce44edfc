"""One fault's course amid calls: as `bench/faulted.py` has it of texts, with agents at their phones."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from bench import call_company, call_judging, load_company
from bench.call_judging import CallFacts
from bench.faulted import Course, clock_of
from bench.judging import Entry, Facts, Turn
from bench.product import ROOT

MOST_CALLED = 300  # a call takes its seconds, an agent's outcome half a minute to stand
AGENT = {"answers": "human", "rings": 2, "keys": ["1"], "talks": None}

_UNCALLED = """
select count(*) from campaigns_step step join campaigns_node node on node.id = step.node_id
left join conversations_plannedcall planned on planned.origin = 'step:' || step.id
where step.campaign_id = any(%(campaigns)s) and node.key = 'call' and (
    step.state = 'queued' and planned.id is null
    or planned.state = 'taken'
    or exists (
        select from conversations_call call where call.planned_id = planned.id and call.state = 'calling')
    or planned.state = 'queued' and planned.due_at <= %(soon)s
    or step.state = 'scheduled' and step.due_at <= %(soon)s)
"""
_OPEN = """
select (select count(*) from conversations_plannedcall planned
        join campaigns_campaign campaign on campaign.lane_id = planned.lane_id
        where campaign.id = any(%(campaigns)s)
          and planned.state in ('queued', 'taken', 'calling', 'unknown'))
    + (select count(*) from conversations_call
       where state in ('calling', 'unknown', 'accepted', 'ringing', 'in_progress'))
"""
_OF_PHONE = """
select planned.origin, planned.mode, planned.state, planned.outcome, planned.code,
    array_agg(concat_ws(' ', call.try_number, call.state, call.outcome, call.code,
        case when call.agent_phone <> '' then 'by an agent' end) order by call.id)
from conversations_plannedcall planned join conversations_call call on call.planned_id = planned.id
join audiences_address address on address.id = planned.address_id
where address.value = %s group by planned.id order by planned.id
"""
_OPTED_OUT = """
select address.value from audiences_optout wish join audiences_address address on address.id = wish.address_id
where wish.lifted_at is null
"""
_PROMISED = """
select address.value from conversations_plannedcall planned
join audiences_address address on address.id = planned.address_id where planned.kind = 'call_back'
"""


@dataclass
class CallCourse(Course):
    """A fault amid calls. `calls` is what is judged beside `facts`."""

    node: ClassVar[str] = "call"
    taken_kind: ClassVar[str] = "call"
    calls: CallFacts = field(default_factory=lambda: CallFacts(Facts({})))
    agents: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        self.recipients = min(self.recipients, MOST_CALLED)

    def _begin(self) -> None:
        super()._begin()
        self.database.rows("truncate bench_call_turn")
        for number in range(call_company.AGENTS):
            self.provider.call("POST", f"/phones/{call_company.agent_phone(number)}", json=AGENT)

    def launch(self, *also: str) -> None:
        """Calls to new customers; agents sit down at their phones."""
        super().launch("--calls", *also)
        self.sit_down()

    @property
    def callable_now(self) -> int:
        """Customers whom a script may call today."""
        return sum(
            zone != load_company.HOMES[-1][2] and phone in self.agreed
            for phone, zone in self.facts.zones.items()
        )

    @property
    def agreed(self) -> frozenset[str]:
        """Customers who agreed to recorded voice."""
        return frozenset(load_company.phone(index) for index in self.planned if call_company.agrees(index))

    def await_share(self, share: float) -> None:
        """Wait until the provider took this share of the scripts' calls of today, at most 60 s."""
        wanted = share * self.callable_now
        deadline = time.monotonic() + 60
        while self.scripts_taken() < wanted and time.monotonic() < deadline:
            time.sleep(0.02)

    def scripts_taken(self) -> int:
        """Calls of this course to customers that the provider took so far."""
        self.texts_taken()
        return sum(call["to"] in self.facts.zones for call in self.texts)

    def being_placed(self) -> bool:
        """Whether the sender has a call in its hands at this instant."""
        placing = "select 1 from conversations_call where state = 'calling' and agent_phone = '' limit 1"
        return bool(self.database.rows(placing))

    # --- agents ----------------------------------------------------------------------------------

    def sit_down(self) -> None:
        """The agents begin to work, where none do."""
        if self.agents is None or self.agents.poll() is not None:
            with (self.product.data / "agents.log").open("ab") as said:  # what they ran into
                self.agents = subprocess.Popen(
                    [sys.executable, "-m", "bench.call_company", str(call_company.AGENTS)],
                    cwd=ROOT, env=self.product.env, stdin=subprocess.PIPE, stderr=said, text=True,
                )  # fmt: skip

    def kill_agents(self) -> None:
        """kill -9 the process that places agents' calls, and let it begin anew."""
        assert self.agents is not None
        os.kill(self.agents.pid, signal.SIGKILL)
        self.agents.wait(10)
        self.sit_down()

    def stand_up(self) -> None:
        """The agents go home."""
        if self.agents is not None and self.agents.poll() is None:
            assert self.agents.stdin is not None
            self.agents.stdin.close()
            try:
                self.agents.wait(call_company.LONGEST_CALL_SECONDS)
            except subprocess.TimeoutExpired:
                self.agents.kill()
                self.agents.wait(10)
        self.agents = None

    # --- the end ---------------------------------------------------------------------------------

    def figures(self) -> dict[str, int]:
        """What it came to."""
        return call_judging.judge(self.calls)

    def finish(self) -> None:
        """The agents go home, whatever happened."""
        self.stand_up()

    def _all_called(self) -> bool:
        finished = self.database.rows(
            "select 1 from campaigns_intake where campaign_id = any(%s) and finished_at is not null",
            [self.campaigns],
        )
        soon = clock_of(self.product) + timedelta(minutes=5)
        ((left,),) = self.database.rows(_UNCALLED, {"campaigns": self.campaigns, "soon": soon})
        return len(finished) == len(self.campaigns) and not left

    def _none_unknown(self) -> bool:
        """What was given up with an agent's call is called once more: nobody is left for another day."""
        unknown = "select 1 from conversations_call where state in ('unknown', 'calling') limit 1"
        return not self.database.rows(unknown) and self._all_called()

    def _idle(self) -> bool:
        health = self.provider.call("GET", "/healthz")
        return not health["pending"].keys() & {"call_news", "inbound"} and not self._going()

    def _going(self) -> bool:
        going = "select 1 from conversations_call where state = any(%s) limit 1"
        return bool(self.database.rows(going, [["accepted", "ringing", "in_progress"]]))

    def _gather(self) -> None:
        facts, entries, since = self.facts, self.provider.entries, self.since
        self._gather_people()
        documents = entries("call_twiml", since)
        judged = CallFacts(
            people=facts,
            calls=entries("call", since),
            rung=[
                {**leg, "received_at": leg["at"]}
                for leg in entries("leg", since)
                if leg["parent"] and leg["to"] in facts.zones
            ],
            ends=_last_words(entries("call_status", since)),
            nines=_nines(documents),
            pressed=_pressed(documents, call_company.STOP),
            opted_out=frozenset(phone for (phone,) in self.database.rows(_OPTED_OUT)),
            asked_back=_pressed(documents, call_company.CALL_BACK),
            promised=frozenset(phone for (phone,) in self.database.rows(_PROMISED)),
            agreed=self.agreed,
            heard=entries("heard", since),
        )
        facts.stopping = facts.stopping | frozenset(judged.nines)
        sids = [call["sid"] for call in judged.calls]
        rows = self.database.rows
        known = "select provider_id, state from conversations_call where provider_id = any(%s)"
        judged.states = dict(rows(known, [sids]))
        judged.turns = [Turn(*row) for row in rows("select was, became, code from bench_call_turn")]
        ((judged.open_calls,),) = rows(_OPEN, {"campaigns": self.campaigns})
        self.calls = judged
        self.notes.append(f"{len(judged.calls)} calls, {len(judged.rung)} customers rung by agents")
        for phone in call_judging.again(judged):
            self.notes.append(f"{phone} twice: {rows(_OF_PHONE, [phone])}")


def _last_words(statuses: list[Entry]) -> dict[str, str]:
    """Of each call the last status that the ledger has."""
    return {entry["sid"]: entry["status"] for entry in statuses}


def _pressed(documents: list[Entry], key: str) -> frozenset[str]:
    """Phones that pressed a key."""
    return frozenset(each["to"] for each in documents if each["fields"].get("Digits") == key)


def _nines(documents: list[Entry]) -> Mapping[str, float]:
    """Phones that pressed 9, and when the product had answered that."""
    found: dict[str, Any] = {}
    for entry in documents:
        if (
            entry["fields"].get("Digits") == call_company.STOP
            and entry["answer"] == 200
            and "again" not in entry["body"]
        ):
            found.setdefault(entry["to"], entry["answered_at"])
    return found
