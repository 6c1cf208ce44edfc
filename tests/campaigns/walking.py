"""Walkthroughs by code: begun with a workflow of one's own, and gone on with act by act."""

from datetime import datetime
from typing import Any

from accounts.models import Account, User
from audiences.models import Contact
from campaigns.models import Walkthrough, WorkflowVersion
from campaigns.walkthroughs import keeping
from common import sql
from tests import factories

Nodes = list[tuple[str, str, dict[str, Any]]]
NOON = datetime.fromisoformat("2026-11-23T18:00:00+00:00")  # a Monday in Chicago

DONE: Nodes = [("done", "end", {})]
TEXT: Nodes = [("text", "send_sms", {"body": "Hi {{ first_name }}, time for a tune-up?"})]


def workflow(account: Account, nodes: Nodes, edges: list[tuple[str, str, str]]) -> WorkflowVersion:
    """A published workflow of these nodes and an end called “done”."""
    return factories.make_workflow(account, [*nodes, *DONE], edges)


def plain(account: Account) -> WorkflowVersion:
    """One text and the end."""
    return workflow(account, TEXT, [("text", "next", "done")])


def asking(account: Account) -> WorkflowVersion:
    """A text, a wait for the reply, and a booking for who says yes."""
    return factories.make_workflow(account)


def company() -> tuple[Account, User, Contact]:
    """An account with a number and a mailbox to send from, somebody who edits workflows, and one customer
    with a phone and a mailbox."""
    account = factories.make_account()
    factories.make_number(account, e164=f"+1312555{account.pk % 9000 + 1000}")
    factories.make_mailbox(account)
    contact = factories.make_contact(account, phone="+13125550101", first_name="Ann")
    factories.give_mailbox(contact)
    return account, factories.make_user(account, "marketer"), contact


def begun(
    by: User, version: WorkflowVersion, contact: Contact | None = None, *, now: datetime = NOON, **chosen: Any
) -> Walkthrough:
    """A walkthrough of this version as the contact, or as a sample person."""
    return keeping.begin(version.workflow, version=None, contact=contact, by=by, now=now, **chosen)


def go(walk: Walkthrough, do: str, **act: Any) -> str:
    """One more act by whoever began it."""
    assert walk.created_by is not None
    return keeping.go_on(walk, {"do": do, **act}, revision=walk.revision, by=walk.created_by, now=NOON)


def kinds(walk: Walkthrough) -> list[str]:
    """What kinds of events there were."""
    return [event["kind"] for event in walk.shown["events"]]


def said(walk: Walkthrough) -> str:
    """All that the transcript says, in lines."""
    lines = []
    for event in walk.shown["events"]:
        words = event.get("words") or event.get("body") or event.get("said") or ""
        lines += [words] if isinstance(words, str) else words
    return "\n".join(lines)


def path(walk: Walkthrough) -> list[str]:
    """The steps that the customer was at."""
    return [step["key"] for step in walk.shown["path"]]


def counts() -> dict[str, int]:
    """Table → rows, of all tables."""
    tables = sql.column(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    asked = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables)
    return dict(sql.rows(asked))
