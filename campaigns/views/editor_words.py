"""What the editor shows of a step that sends or calls: the fields of its words, and it as one contact's."""

from typing import Any

from django.contrib import messages as toasts

from accounts.access import Request
from campaigns import drawing, message_previews, message_words
from campaigns.drawing import DrawnNode
from campaigns.messages import Message
from campaigns.models import Node
from campaigns.views import message_emails
from campaigns.views import messages as message_views
from campaigns.views.message_emails import NOTHING
from campaigns.workflow_drafts import Draft
from campaigns.workflow_history import Overlaid
from common import clock

__all__ = ["changes", "context", "email", "meanwhile", "overlaid", "test", "toasts"]


def context(request: Request, draft: Draft, node: DrawnNode) -> dict[str, Any]:
    """For the form of a text, an email or a call: its fields and its preview; nothing for other kinds."""
    if node.kind not in message_words.WORDED:
        return {}
    looker = message_views.looker(request)
    row = message_views.row(request, _message(draft, node), looker)
    return {"row": row, "looker": looker}


def email(request: Request, draft: Draft, node: DrawnNode) -> str:
    """The email as the chosen contact would get it; a blank page where they would not."""
    if node.kind != Node.Kind.SEND_EMAIL:
        return NOTHING
    looker = message_views.looker(request)
    sample = message_previews.sample(request.account, _message(draft, node), looker, now=clock.now())
    return sample.html if sample and sample.html else NOTHING


def test(request: Request, draft: Draft, node: DrawnNode) -> None:
    """Send the email, as it is drawn, to whoever asks; says what became of it."""
    looker, message = message_views.looker(request), _message(draft, node)
    sample = message_previews.sample(request.account, message, looker, now=clock.now())
    message_emails.send_test(request, message, looker, sample)


def _message(draft: Draft, node: DrawnNode) -> Message:
    """The step as the pages of messages know one; its node is of no version yet."""
    stands_for = Node(
        version=draft.version, key=node.key, kind=node.kind, name=node.name, settings=dict(node.settings)
    )
    return Message(stands_for, message_words.of(node.kind, node.settings))


def changes(draft: Draft) -> list[tuple[str, str]]:
    """What publishing changes, step by step: (what became of it, its name)."""
    before, after = draft.published.by_key, draft.drawn.by_key
    found = [("Added", node.name) for node in draft.drawn.nodes if node.key not in before]
    found += [("Deleted", node.name) for node in draft.published.nodes if node.key not in after]
    for key in drawing.changed(draft.published, draft.drawn) & before.keys() & after.keys():
        was, now = before[key], after[key]
        if was.name != now.name:
            found.append((f"Renamed from “{was.name}”", now.name))
        if was.settings != now.settings:
            found.append(("Changed", now.name))
        if was.ways != now.ways:
            found.append(("Leads elsewhere", now.name))
    return found


def meanwhile(request: Request, draft: Draft) -> None:
    """Tell what others did beside what was just done."""
    said = [
        f"{'You in another tab' if row.by_id == request.user.pk else row.by or 'Somebody'}: {row.said}"
        for row in draft.meanwhile
        if row.by_id != request.user.pk or row.tab != request.POST.get("tab", "")
    ]
    if said:
        toasts.info(request, f"It was edited meanwhile, and both stand. {'; '.join(dict.fromkeys(said))}.")


def overlaid(request: Request, what: str, by_others: Overlaid) -> None:
    """Tell why an edit is neither taken back nor done again."""
    names = ", ".join(f"“{name}”" for name in by_others.names)
    toasts.error(
        request,
        f"Nothing was changed: to {what} this would lose what was done since at {names}. Change it there.",
    )
