"""What an agent sees of the person they call: who, why, when it is there, what was said and tried before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.models import User
from audiences import contact_history, contact_moments, do_not_call, hours, suppression
from audiences.models import Consent, Contact, ContactAddress, DoNotCallList, OptOut
from common import sql
from common.phone import display_phone
from common.stamps import stamped, stamped_values
from conversations import call_sources, call_states, call_words, said_outcomes
from conversations.call_taking import ANOTHER_TIME
from conversations.models import Call, Message, PlannedCall, Thread
from conversations.timeline_sources import Link

LATEST_WORDS = 6
LATEST_TRIES = 8
LATEST_JOBS = 3
HOUSEHOLD = 5
RELATED = (
    "account", "lane", "contact__household", "contact__zone_set", "address", "number", "script", "taken_by",
    "outcome_by",
)  # fmt: skip
State, Live = PlannedCall.State, Call.State


@dataclass(frozen=True)
class Hours:
    """What hour it is for the customer, and the hours they may be called in. Instants are UTC."""

    zone: ZoneInfo | None  # None where it is not known, or candidates differ
    open: bool
    closes_at: datetime | None  # while open
    opens_at: datetime | None  # while closed; None where no opening is ahead


@dataclass(frozen=True)
class Progress:
    """How far the latest try is: a word for the page's look, and words for people."""

    look: str  # none, placing, ringing-you, ringing-them, talking, ending, stopped, ended, failed, unknown
    title: str
    words: str
    seconds: int | None = None  # of talking: so far, or in all

    @property
    def live(self) -> bool:
        """Whether it is going on."""
        return self.look in ("placing", "ringing-you", "ringing-them", "talking", "ending", "unknown")


@dataclass(frozen=True)
class Panel:
    """Everything on the page of one planned call."""

    planned: PlannedCall
    why: str
    origin: Link | None
    said: Any  # the words to read, `call_words.Said`; None where there are none
    hours: Hours
    call: Call | None
    progress: Progress
    pending: str  # the outcome that can still be taken back
    figures: contact_history.Figures
    jobs: list[Any]
    addresses: list[ContactAddress]
    wishes: list[OptOut]
    consents: list[Consent]
    household: list[Contact]
    words: list[Message]
    threads: list[Thread]
    tries: list[Call]
    marks: list[str]
    tags: list[str]
    due: bool  # in the queue, and its time has come
    listed: tuple[str, ...]  # do-not-call lists with this phone, where a campaign's gate did not ask

    @property
    def closed(self) -> set[int]:
        """The addresses that nobody may call."""
        return {wish.address_id for wish in self.wishes}

    @property
    def asks(self) -> bool:
        """Whether an outcome is awaited: the customer was called, or is being called."""
        ending = self.progress.look == "ending" and self.call is not None and self.call.accepted_at
        return bool(ending) or self.progress.look in ("ringing-them", "talking", "ended")

    @property
    def by_script(self) -> Call | None:
        """The script's call that goes on this very moment."""
        return self.call if self.call is not None and _scripted(self.call) else None

    @property
    def note_key(self) -> str:
        """Under which a browser keeps the note of this try until its outcome is said: no other try's."""
        said = sum(1 for each in self.tries if each.planned_id == self.planned.pk and each.outcome)
        return f"{self.planned.pk}-{said}"

    @property
    def pending_label(self) -> str:
        """The outcome that can still be taken back, for people."""
        return PlannedCall.Outcome(self.pending).label if self.pending else ""

    @property
    def code_words(self) -> str:
        """Why it was not called, of a row that has a code and no words."""
        return self.planned.code.replace("_", " ")


def of(planned: PlannedCall, now: datetime) -> Panel:
    """All of it, of a row with `RELATED`. About a dozen queries."""
    contact = planned.contact
    call = said_outcomes.latest_call(planned)
    how_far = script_progress(call, now) if call and _scripted(call) else progress(planned, call, now)
    begun = planned.state in (State.TAKEN, State.CALLING, State.UNKNOWN) and how_far.look not in (
        "none",
        "stopped",
        "failed",
    )
    return Panel(
        planned=planned, why=why(planned, begun=begun),
        origin=call_sources.origins([planned]).get(planned.pk),
        said=call_words.for_agent(planned), hours=hours_of([planned], now)[planned.pk], call=call,
        progress=how_far, pending=said_outcomes.outcome_of(planned),
        figures=contact_history.figures(contact),
        jobs=list(contact_moments.jobs(contact).order_by("-created_on", "-pk")[:LATEST_JOBS]),
        addresses=list(_links(contact)), wishes=list(_wishes(contact)), consents=list(_consents(contact)),
        household=list(_others(contact)), words=list(reversed(_words(contact))),
        threads=list(_threads(contact)), tries=_shown(_tries(contact)), marks=_marks(contact),
        tags=list(contact.tags.order_by("name").values_list("name", flat=True)),
        due=planned.due_at is not None and planned.due_at <= now, listed=_listed(planned, now),
    )  # fmt: skip


def _listed(planned: PlannedCall, now: datetime) -> tuple[str, ...]:
    """The do-not-call lists that count for an agent's own call: nobody has asked for it."""
    if planned.kind != PlannedCall.Kind.AGENT:
        return ()
    lists = do_not_call.lists_naming(planned.contact_id, [planned.address_id], now=now)
    return tuple(one.words for one in lists.get(planned.address_id, []) if one.counts)


def why(planned: PlannedCall, *, begun: bool = False) -> str:
    """Why somebody calls this person, in a few words; `begun`: their latest try is the one that is meant."""
    if planned.kind == PlannedCall.Kind.CALL_BACK:
        return "Asked for a call back"
    if planned.kind == PlannedCall.Kind.AGENT:
        return "Your own call"
    if planned.code == ANOTHER_TIME:
        return "Promised for this time"
    number = planned.tries + (not begun)
    return "Campaign" if number < 2 else f"Campaign, try {number}"


def promised(planned: PlannedCall) -> bool:
    """Whether the customer was promised this call: such are offered first."""
    return planned.kind == PlannedCall.Kind.CALL_BACK or planned.code == ANOTHER_TIME


def hours_of(calls: list[PlannedCall], now: datetime) -> dict[int, Hours]:
    """The hours of these, of one account, with lane and contact's zone set read. A few queries in all."""
    if not calls:
        return {}
    own = hours.window_of(calls[0].account_id).pk
    pairs = {call.pk: (call.contact.zone_set_id, call.lane.window_id or own) for call in calls}
    spans = hours.current_or_next(pairs.values(), suppression.CALL, now)
    return {call.pk: _hours(call.contact, spans.get(pairs[call.pk]), now) for call in calls}


def _hours(contact: Contact, span: hours.Span | None, now: datetime) -> Hours:
    zones = [ZoneInfo(name) for name in contact.zone_set.zones]
    known = zones[0] if len({now.astimezone(zone).utcoffset() for zone in zones}) == 1 else None
    open_now = span is not None and span[0] <= now
    return Hours(
        known, open_now, span[1] if span and open_now else None, span[0] if span and not open_now else None
    )


def progress(planned: PlannedCall, call: Call | None, now: datetime) -> Progress:
    """How far a try is, for the agent who made it."""
    name = planned.contact.name
    if call is None or (call.outcome and planned.state == State.TAKEN):
        return Progress("none", "Not called yet", "")
    yours = display_phone(call.agent_phone) if call.agent_phone else "your phone"
    if call.hang_up_at is not None and (told := _hung_up(call, name)):
        return told
    match call.state:
        case Live.CALLING:
            return Progress("placing", "Placing the call", "The carrier is being asked.")
        case Live.UNKNOWN:
            return Progress(
                "unknown", "Not known whether the call was taken",
                "The carrier did not answer. We look for the call there and place it no second time; if your "
                "phone rings, pick up.",
            )  # fmt: skip
        case Live.ACCEPTED | Live.RINGING:
            return Progress(
                "ringing-you", "Ringing you", f"Pick up {yours} and press 1; then {name} is called."
            )
        case Live.IN_PROGRESS if call.accepted_at is None:
            return Progress("ringing-you", "Press 1 on your phone", f"Then {name} is called.")
        case Live.IN_PROGRESS if call.answered_at is None:
            return Progress("ringing-them", f"Ringing {name}", "Stay on the line.")
        case Live.IN_PROGRESS:
            since = call.connected_at or call.answered_at or now
            return Progress("talking", f"Talking with {name}", "", int((now - since).total_seconds()))
        case Live.COMPLETED if call.accepted_at is not None:
            return _ended(call, name)
        case Live.COMPLETED:
            return Progress(
                "failed", "Nobody pressed 1 on your phone",
                f"We rang {yours}, and perhaps its voicemail answered. {name} was not called. Call again "
                "when you are ready.",
            )  # fmt: skip
        case Live.NO_ANSWER | Live.BUSY | Live.CANCELLED:
            return Progress(
                "failed", "Your phone was not answered",
                f"We rang {yours}. {name} was not called. Call again when you are ready.",
            )  # fmt: skip
        case _:
            reason = call.reason or "The carrier could not place it."
            return Progress("failed", "The call was not placed", f"{reason} {name} was not called.")


def _scripted(call: Call) -> bool:
    return call.state in Call.LIVE and not call.agent_phone


def script_progress(call: Call, now: datetime) -> Progress:
    """How far a script's call is that goes on, for whoever looks at it."""
    if call.hang_up_at is not None:
        return Progress("ending", "Ending the call", "The carrier is asked to hang up.")
    if call.by is not None:
        since = call.connected_at or call.answered_at or now
        words = "They wanted to talk to somebody, and were put through."
        return Progress("talking", f"Talking with {call.by}", words, int((now - since).total_seconds()))
    if call.answered_at is not None:
        lasts = int((now - call.answered_at).total_seconds())
        return Progress("talking", "A script is speaking to them", "", lasts)
    if call.state in (Live.ACCEPTED, Live.RINGING):
        return Progress("ringing-them", "A script is calling them", "Nobody has answered yet.")
    return Progress("placing", "A script is calling them", "The carrier is being asked.")


def _hung_up(call: Call, name: str) -> Progress | None:
    """How far the wish to end a call is; None where what the line says of its end is told as ever."""
    if call.state in (Live.CALLING, Live.UNKNOWN):
        words = f"The carrier has not said yet whether it took the call. If it did, it is hung up. {name} "
        return Progress("ending", "Ending the call", words + "is not called.")
    if call.state in Call.LIVE:
        return Progress(
            "ending", "Ending the call", "Still somebody on the line? Hang up on your phone, too."
        )
    if call.accepted_at is None:
        words = f"{name} was not called. Call again when you are ready."
        return Progress("stopped", "You ended the call", words)
    if call.answered_at is None:
        return Progress("ended", "You ended the call", f"{name} had not answered. Say what came of it.")
    return None


def _ended(call: Call, name: str) -> Progress:
    if call.answered_at is not None:
        begun = call.connected_at or call.answered_at
        lasted = int(((call.ended_at or begun) - begun).total_seconds())
        return Progress("ended", "Call ended", "Say what came of it.", max(lasted, call.seconds or 0))
    how = "was busy" if call.code.endswith("busy") else "did not answer"
    return Progress("ended", f"{name} {how}", "Say what came of it.")


def stamps(planned: PlannedCall) -> list[QuerySet[Any]]:
    """Whatever changes what `of` says changes these (`common.stamps`), but for hours and figures."""
    contact = planned.contact
    return [
        stamped_values(
            PlannedCall.objects.filter(pk=planned.pk), "state", "taken_by", "code", "reason", "outcome",
            "tries", "due_at",
        ),
        stamped(_tries(contact), "by__name", "planned__lane__name"),
        stamped(Contact.objects.filter(pk=contact.pk)),
        stamped(_links(contact), "address__value", "address__unreachable_since"),
        stamped(_wishes(contact)),
        stamped(_consents(contact)),
        stamped(_words(contact)),
        stamped(
            DoNotCallList.objects.in_force().filter(
                account=planned.account_id, entries__phone=planned.address.value
            )
        ),
    ]  # fmt: skip


def _links(contact: Contact) -> QuerySet[ContactAddress]:
    links = ContactAddress.objects.filter(contact=contact).select_related("address")
    return links.order_by("position", "pk")


def _wishes(contact: Contact) -> QuerySet[OptOut]:
    addresses = ContactAddress.objects.filter(contact=contact).values("address")
    found = OptOut.objects.filter(address__in=addresses, lifted_at=None)
    return found.select_related("address", "by").order_by("-at", "-pk")


def _consents(contact: Contact) -> QuerySet[Consent]:
    return Consent.objects.in_force().of_contact(contact).order_by("-given_at", "-pk")[:5]


def _others(contact: Contact) -> QuerySet[Contact]:
    return contact.household.contacts.exclude(pk=contact.pk).order_by("name", "pk")[:HOUSEHOLD]


def _words(contact: Contact) -> QuerySet[Message]:
    said = Message.objects.filter(contact=contact).exclude(body=None)
    return said.select_related("by").order_by("-created_at", "-pk")[:LATEST_WORDS]


def _threads(contact: Contact) -> QuerySet[Thread]:
    return Thread.objects.filter(contact=contact).order_by("-last_message_at", "-pk")[:1]


def _tries(contact: Contact) -> QuerySet[Call]:
    """Calls with the contact, the latest first: ours by hand or script, and theirs to us."""
    calls = Call.objects.filter(contact=contact).exclude(state=Live.REFUSED)
    return calls.select_related("by", "planned__lane").order_by("-created_at", "-pk")[:LATEST_TRIES]


def _shown(calls: QuerySet[Call]) -> list[Any]:
    found: list[Any] = list(calls)
    for call in found:
        call.shown = call_states.of_call(call)
    return found


def _marks(contact: Contact) -> list[str]:
    marks = {
        "Inactive in ServiceTitan": not contact.active,
        "Do not service": contact.do_not_service,
        "Do not mail": contact.do_not_mail,
    }
    return [words for words, true in marks.items() if true]


def seconds_left(planned: PlannedCall, by: User) -> int:
    """How long an outcome can still be taken back, in seconds."""
    if planned.taken_by_id != by.pk or not said_outcomes.outcome_of(planned):
        return 0
    left = sql.value("SELECT extract(epoch FROM %s - clock_timestamp())::float", [planned.taken_until])
    return max(0, min(int(left), int(said_outcomes.UNDO / timedelta(seconds=1))))
