"""Pausing everything: nothing automated leaves an account until somebody resumes.

A pause is one row. The lease passes its account over; the claim looks again under a lock that a pause takes
alone (`share`), so that a claim either committed before the pause or sees it. What had been claimed is waited
for: once `pause` has answered, no call to a provider begins, as after a STOP.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry, is_tried_out
from conversations import inbound, opt_outs
from conversations.models import Call, Message, SendingPause

MOST_REASON: int = SendingPause._meta.get_field("reason").max_length or 0
HELD = "p.lifted_at IS NULL AND (p.agents_too OR m.kind <> 'agent')"
"""SQL: whether the pause `p` holds the message `m`. What people write by hand is of kind agent."""
_LOCK_CLASS = 7103  # advisory locks of this module, beside the account's id
_NOT_PLACED = (Call.State.CALLING, Call.State.REFUSED, Call.State.FAILED, Call.State.REJECTED)
_LEFT = (Message.State.ACCEPTED, Message.State.SENT, Message.State.DELIVERED, Message.State.UNKNOWN)


class NotPossible(Exception):
    """Nothing was paused or resumed; the words say why."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause that has just begun: what was being handed over then, what of it left, what waits."""

    pause: SendingPause
    in_flight: int
    left: int
    waiting: int


def share(account_ids: Iterable[int]) -> None:
    """Hold pauses of these accounts off until the transaction ends; waits for one that is being written.

    Taken after all row locks of a claim. A pause holds no row that a claim waits for. What is only tried out
    hands nothing over, and a pause need not wait for it.
    """
    if is_tried_out():
        return
    sql.run(
        "SELECT pg_advisory_xact_lock_shared(%s, a.id) FROM unnest(%s::int[]) AS a(id)",
        [_LOCK_CLASS, sorted(set(account_ids))],
    )


def hold(account_id: int) -> None:
    """Wait for claims of this account that are under way and let none begin until the transaction ends."""
    sql.run("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, account_id])


def pause(account: Account, *, by: User, reason: str = "", agents_too: bool = False, now: datetime) -> Paused:
    """Pause everything, and return once nothing is on its way any more (at most 5 s).

    `agents_too` holds what people write by hand as well; asked for later, it widens the pause in force.
    Raises NotPossible where that holds already. Not inside a transaction.
    """
    kept, in_flight = _begin(account, by, reason.strip()[:MOST_REASON], agents_too, now)
    inbound.wait_for_calls(tuple(in_flight))
    messages = [each for each in in_flight if isinstance(each, int)]
    calls = [each for each in in_flight if isinstance(each, UUID)]
    left = Message.objects.filter(pk__in=messages, state__in=_LEFT).count()
    left += Call.objects.filter(attempt__in=calls).exclude(state__in=_NOT_PLACED).count()
    kept.let_go = (kept.let_go or 0) + left
    kept.save(update_fields=["let_go"])
    return Paused(kept, len(in_flight), left, waiting(account))


@atomic_with_retry
def _begin(
    account: Account, by: User, reason: str, agents_too: bool, now: datetime
) -> tuple[SendingPause, list[opt_outs.InFlight]]:
    """The pause, and what is being handed over at its commit."""
    hold(account.pk)
    kept = SendingPause.objects.in_force(account.pk)
    if kept is not None and (kept.agents_too or not agents_too):
        raise NotPossible("Everything is paused already. Nothing was changed.")
    if kept is None:
        kept = SendingPause.objects.create(
            account=account, at=now, by=by, reason=reason, agents_too=agents_too
        )
    else:
        kept.agents_too = True
        kept.save(update_fields=["agents_too"])
    what = "everything, agents’ replies too" if agents_too else "every automated text"
    audit.record(
        account=account, by=by, verb="paused_everything", on=kept, summary=f"Paused {what}",
        detail={"reason": reason} if reason else {},
    )  # fmt: skip
    in_flight: list[opt_outs.InFlight] = sql.column(
        f"""
        SELECT m.id FROM conversations_message m JOIN conversations_sendingpause p ON p.id = %s
        WHERE m.account_id = p.account_id AND m.state = 'calling' AND m.claimed_at IS NOT NULL AND {HELD}
        """,
        [kept.pk],
    )
    in_flight += sql.column(
        """
        SELECT k.attempt FROM conversations_call k JOIN conversations_plannedcall m ON m.id = k.planned_id
        JOIN conversations_sendingpause p ON p.id = %s
        WHERE k.account_id = p.account_id AND k.state = 'calling'
          AND (p.agents_too OR m.kind = 'campaign')
        """,
        [kept.pk],
    )
    return kept, in_flight


@transaction.atomic
def lift(account: Account, *, by: User, now: datetime) -> SendingPause:
    """Go on sending, at each number's rate. Raises NotPossible where nothing is paused."""
    from conversations.tasks import send  # tasks import the sender, and with it most of this package

    kept = SendingPause.objects.select_for_update(no_key=True, of=["self"]).filter(account=account)
    found = kept.filter(lifted_at=None).first()
    if found is None:
        raise NotPossible("Nothing is paused: somebody has resumed already.")
    found.lifted_at, found.lifted_by = max(now, found.at), by
    found.save(update_fields=["lifted_at", "lifted_by"])
    audit.record(account=account, by=by, verb="resumed_everything", on=found, summary="Resumed everything")
    ring(send)
    return found


def in_force(account: Account) -> SendingPause | None:
    """The pause that holds the account now, with who paused."""
    return SendingPause.objects.in_force(account.pk)


def waiting(account: Account) -> int:
    """Texts that the pause keeps back: queued ones; steps that nobody has queued yet come on top."""
    return int(
        sql.value(
            f"""
            SELECT count(*) FROM conversations_lane l
            JOIN conversations_message m
                ON m.lane_id = l.id AND m.state = 'queued' AND m.due_at IS NOT NULL
            JOIN conversations_sendingpause p ON p.account_id = l.account_id AND {HELD}
            WHERE l.account_id = %s
            """,
            [account.pk],
        )
    )


def launch_problems(account: Account) -> list[str]:
    """Why nothing can be launched while everything is paused; nothing where it is not."""
    kept = in_force(account)
    if kept is None:
        return []
    who = f" by {kept.by}" if kept.by else ""
    return [
        f"Everything is paused{who}, so nothing can be launched now. Resume sending first: the red banner "
        "and Settings, Sending have the button."
    ]
