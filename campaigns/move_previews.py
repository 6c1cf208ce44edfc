"""Before people are moved to another version: who stands where, and where each would go. Reads only."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns import graph, move_plans, version_moves, words
from campaigns.graph import Graph, GraphNode
from campaigns.locks import OPEN
from campaigns.models import Campaign, Node, Step, WorkflowVersion
from campaigns.move_plans import SENDS, Do, Treatment
from campaigns.nodes import KINDS
from campaigns.nodes.base import ORIGIN
from campaigns.words import number_of
from common import sql
from conversations.models import PlannedCall

FIELD = "at-"  # and a node's id: the name of its choice in the form
_STANDING = """
    SELECT s.node_id, s.state, count(DISTINCT e.id),
        count(*) FILTER (WHERE m.state = 'queued'),
        count(*) FILTER (WHERE m.state <> 'queued' OR EXISTS (
            SELECT FROM conversations_plannedcall p
            WHERE p.origin = %(origin)s || s.id AND p.state = ANY(%(calls)s)))
    FROM campaigns_enrollment e
    JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = ANY(%(open)s)
    LEFT JOIN conversations_message m ON m.id = s.message_id
    WHERE e.campaign_id = %(campaign)s AND e.state = 'active' AND e.version_id <> %(version)s
    GROUP BY 1, 2
"""
_HAD = """
    SELECT s.node_id, n.key, count(DISTINCT e.id)
    FROM campaigns_enrollment e
    JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = ANY(%(open)s)
    JOIN campaigns_step p ON p.enrollment_id = e.id AND p.state = 'completed'
    JOIN campaigns_node n ON n.id = p.node_id AND n.kind = ANY(%(sends)s)
    WHERE e.campaign_id = %(campaign)s AND e.state = 'active' AND e.version_id <> %(version)s
    GROUP BY 1, 2
"""
_OVER = """
    SELECT count(*) FROM campaigns_enrollment e
    JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = 'waiting' AND s.node_id = %s
    WHERE e.campaign_id = %s AND e.state = 'active' AND e.reply_id IS NULL
      AND s.due_at + %s * interval '1 second' <= %s
"""


@dataclass(frozen=True)
class Option:
    """One way to choose for a node: the field's value and its words."""

    value: str
    words: str


@dataclass
class Place:
    """A node that people stand at, or could come to while they are moved, and what is chosen for it."""

    node: GraphNode
    version: int
    treatment: Treatment
    chosen: str
    why_gone: str  # why nobody can go on at the same node; empty where they can
    people: int = 0
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OPEN, 0))
    queued: int = 0  # texts and emails that could still be taken back
    in_flight: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of its choice in the form."""
        return f"{FIELD}{self.node.id}"

    @property
    def icon(self) -> str:
        """The drawing beside it."""
        return words.kind_icon(self.node.kind)

    @property
    def kind(self) -> str:
        """Its kind in words."""
        return words.kind(self.node.kind)

    @property
    def stay(self) -> int:
        """Of its people, those who keep their version, as far as can be told."""
        if self.treatment.do == Do.LEAVE:
            return self.people
        return self.in_flight if self.treatment.do != Do.SAME else 0

    @property
    def counted(self) -> list[tuple[str, int]]:
        """States with anybody in them, in words."""
        return [(words.sentence(state), n) for state, n in self.states.items() if n]


@dataclass(frozen=True)
class Preview:
    """Where everybody stands and would go. Whoever stands nowhere is not counted: nobody does."""

    version: WorkflowVersion
    places: list[Place]
    options: list[Option]  # steps of the new version to go on at

    @property
    def people(self) -> int:
        """All who are not on that version."""
        return sum(place.people for place in self.places)

    @property
    def moving(self) -> int:
        """Those who would be on it afterwards."""
        return self.people - self.staying - self.ending

    @property
    def staying(self) -> int:
        """Those who would keep their version."""
        return sum(place.stay for place in self.places)

    @property
    def ending(self) -> int:
        """Those whose passage would end."""
        return sum(p.people - p.stay for p in self.places if p.treatment.do == Do.EXIT)

    @property
    def taken_back(self) -> int:
        """Texts and emails that would be taken back, those queued again included."""
        reworded = (p for p in self.places if p.treatment.reworded)
        gone = (p for p in self.places if p.treatment.do in (Do.CONTINUE, Do.RESTART, Do.EXIT))
        return sum(place.queued for places in (reworded, gone) for place in places)


def choices_of(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a form says, by node id; what it does not name is not chosen."""
    found = {}
    for name, value in values.items():
        node = name.removeprefix(FIELD)
        if name.startswith(FIELD) and node.isdecimal():
            do, _, to = value.partition(":")
            found[node] = {"do": do, "to": to} if to else {"do": do}
    return found


def of(
    campaign: Campaign, version: WorkflowVersion, choices: Mapping[str, Mapping[str, Any]], *, now: datetime
) -> Preview:
    """Who stands where, and where each would go by these choices; a senseless one counts as none. A handful
    of queries, whatever the number of people."""
    target, standing = graph.load(version.pk), _standing(campaign, version)
    places = []
    for drawn in version_moves.sources(campaign, version):
        number = WorkflowVersion.objects.values_list("number", flat=True).get(pk=drawn.version_id)
        for node in drawn.nodes.values():
            place = _place(node, number, target, version, choices.get(str(node.id)) or {})
            for state, people, queued, in_flight in standing.get(node.id, ()):
                place.people += people
                place.states[state] = people
                place.queued += queued
                place.in_flight += in_flight
            if place.people or (place.why_gone and not KINDS[node.kind].instant):
                places.append(place)
    _note(campaign, version, target, places, now)
    return Preview(version, places, [Option(f"continue:{n.key}", n.name) for n in target.nodes.values()])


def _standing(campaign: Campaign, version: WorkflowVersion) -> dict[int, list[tuple[str, int, int, int]]]:
    found: dict[int, list[tuple[str, int, int, int]]] = defaultdict(list)
    calls = [state.value for state in PlannedCall.OPEN]
    for node, *figures in sql.rows(
        _STANDING, {**_params(campaign, version), "origin": ORIGIN, "calls": calls}
    ):
        found[node].append(tuple(figures))
    return found


def _params(campaign: Campaign, version: WorkflowVersion) -> dict[str, Any]:
    return {"campaign": campaign.pk, "version": version.pk, "open": OPEN}


def _place(
    node: GraphNode, number: int, target: Graph, version: WorkflowVersion, choice: Mapping[str, Any]
) -> Place:
    gone = _why_gone(node, target, version)
    try:
        found = move_plans.treatment(node, target, choice or move_plans.default(node, target))
    except move_plans.NotAChoice:
        found = move_plans.treatment(node, target, move_plans.default(node, target))
    chosen = f"{found.do}:{found.to.key}" if found.do == Do.CONTINUE and found.to else str(found.do)
    return Place(node, number, found, chosen, gone)


def _why_gone(node: GraphNode, target: Graph, version: WorkflowVersion) -> str:
    if move_plans.same_node(node, target):
        return ""
    other = move_plans.by_key(target).get(node.key)
    if other is None:
        return f"Not in version {version.number}"
    return f"Another kind of step in version {version.number}: {words.kind(other.kind).lower()}"


def _note(
    campaign: Campaign, version: WorkflowVersion, target: Graph, places: list[Place], now: datetime
) -> None:
    """Say what becomes of what is under way at each place."""
    had: dict[int, dict[str, int]] = defaultdict(dict)
    for node, key, n in sql.rows(_HAD, {**_params(campaign, version), "sends": list(SENDS)}):
        had[node][key] = n
    for place in places:
        if place.people:
            place.notes = [
                *_where(place, target), *_timers(campaign, place, now), *_messages(place, version),
                *_again(place, target, had[place.node.id]),
            ]  # fmt: skip


def _where(place: Place, target: Graph) -> list[str]:
    match place.treatment.do:
        case Do.LEAVE:
            return [f"They stay on version {place.version} to its end."]
        case Do.EXIT:
            return ["Their passage ends, reason “Workflow changed”. Nothing more is sent to them."]
        case Do.RESTART:
            return [f"They begin again at “{target.nodes[target.first].name}”."]
        case Do.CONTINUE if place.treatment.to:
            return [f"They go on at “{place.treatment.to.name}”, which begins anew for them."]
    to = place.treatment.to
    return [f"It is called “{to.name}” there."] if to and to.name != place.node.name else []


def _timers(campaign: Campaign, place: Place, now: datetime) -> list[str]:
    treatment = place.treatment
    if place.node.kind in SENDS or treatment.do != Do.SAME:
        return []
    if treatment.length is not None:
        length = words.duration(int(treatment.length.total_seconds() // 60))
        return [f"They wait for {length} now, counted from when they came here."]
    if treatment.look_again:
        return ["They wait for another moment now, counted from when they came here."]
    seconds = treatment.shift.total_seconds()
    if not seconds:
        return ["Timers run on."] if place.states[Step.State.WAITING] else []
    by = words.duration(int(abs(seconds) // 60))
    if seconds > 0:
        return [f"Timers keep their start and end {by} later."]
    over = sql.value(_OVER, [place.node.id, campaign.pk, seconds, now])
    at_once = f"; {over:,} of them are over at once" if over else ""
    return [f"Timers keep their start and end {by} earlier{at_once}."]


def _messages(place: Place, version: WorkflowVersion) -> list[str]:
    noun = "email" if place.node.kind == Node.Kind.SEND_EMAIL else "text"
    treatment, found = place.treatment, list[str]()
    if treatment.do == Do.LEAVE:
        return []
    if place.queued and treatment.reworded:
        found.append(
            f"{number_of(place.queued, noun)} queued with the old words: taken back and queued again with the"
            " new ones. Nobody gets both."
        )
    elif place.queued and treatment.do == Do.SAME:
        as_now = "it is" if place.queued == 1 else "they are"
        found.append(f"{number_of(place.queued, noun)} queued: sent as {as_now}.")
    elif place.queued:
        found.append(f"{number_of(place.queued, noun)} queued: taken back, never sent.")
    elif treatment.reworded and not place.in_flight:
        found.append("What was not queued yet is sent with the new words.")
    if place.in_flight and treatment.do == Do.SAME:
        found.append(
            f"{place.in_flight:,} on the way already, with the old words: the answer leads on in version "
            f"{version.number}."
        )
    elif place.in_flight:
        found.append(f"{place.in_flight:,} on the way already: these people stay on version {place.version}.")
    return found


def _again(place: Place, target: Graph, had: dict[str, int]) -> list[str]:
    """Messages that lie ahead of people who have had them."""
    to = place.treatment.to
    if to is None:
        return []
    ahead = move_plans.ahead(target, to, itself=place.treatment.do != Do.SAME)
    names = {key: node.name for key, node in move_plans.by_key(target).items()}
    return [
        f"{n:,} of them {'has' if n == 1 else 'have'} had “{names[key]}” already: it lies ahead again."
        for key, n in sorted(had.items())
        if key in ahead and key != place.node.key
    ]
