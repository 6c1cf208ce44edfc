"""What is wrong with a draft of a workflow in this very account, beside what is wrong with its graph.

Files, job types and units are an account's own, and a file of a workflow may come from elsewhere; answers to
emails arrive only where somebody has set that up.
"""

from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from accounts.models import Account, BusinessUnit
from audiences.models import JobType
from campaigns import graph_errors
from campaigns.graph import Graph, GraphNode
from campaigns.graph_errors import Problem
from campaigns.models import Node
from conversations import media
from conversations.models import MediaFile, ReceivedEmail
from integrations.models import SendingMailbox


def problems(drawn: Graph, account: Account) -> list[Problem]:
    """What keeps it from being published here, with its step."""
    found = [_about(node, words) for node, words in _lost_files(list(drawn.nodes.values()), account)]
    waits = graph_errors.answered_by_email(drawn)
    if waits and not _senders(account).exists():
        found += [
            _about(
                wait,
                "Only emails come before it, and this account has no mailbox to send them from, so no reply "
                "can come. Put a text before it, or set up a mailbox in Settings, Connections.",
            )
            for wait in waits
        ]
    return found


def cautions(drawn: Graph, account: Account) -> list[Problem]:
    """What is good to know before publishing, and keeps nobody from it, with its step."""
    found = [_about(node, words) for node, words in _unknown_to_us(drawn.nodes.values(), account)]
    waits = graph_errors.answered_by_email(drawn)
    sender = _senders(account).order_by("business_unit", "pk").last() if waits else None
    if sender is None or _has_heard(account):
        return found
    words = (
        f"Only emails come before it. Their answers go to {sender.reply_to or sender.email} and count only "
        "where they reach Truckroll, and none has so far: Settings, Connections, SendGrid says how to set up "
        "Inbound Parse."
    )
    return found + [_about(wait, words) for wait in waits]


def _senders(account: Account) -> QuerySet[SendingMailbox]:
    return SendingMailbox.objects.filter(account=account, active=True)


def _has_heard(account: Account) -> bool:
    """Whether any customer's email has ever arrived."""
    return ReceivedEmail.objects.filter(message__account=account).exists()


def _lost_files(nodes: list[GraphNode], account: Account) -> Iterator[tuple[GraphNode, str]]:
    """Pictures of texts, and sounds of calls, that this account does not have."""
    texts = [(node, _ids(node.settings.get("media"))) for node in nodes if node.kind == Node.Kind.SEND_SMS]
    wanted = {pk for _, ids in texts for pk in ids}
    there = {file.pk for file in media.chosen(account, wanted)} if wanted else set[int]()
    for node, ids in texts:
        if not set(ids) <= there:
            yield node, "A picture of this text is not among your files. Take it out, or choose another."
    plays = [(node, sound) for node in nodes if (sound := _sound(node))]
    known = (
        MediaFile.objects.filter(account=account, token__in=[sound for _, sound in plays]) if plays else ()
    )
    tokens = {file.token for file in known}
    for node, sound in plays:
        if sound not in tokens:
            yield node, "The sound file of this call is not among your files. Choose a person, or words."


def _unknown_to_us(nodes: Iterable[GraphNode], account: Account) -> Iterator[tuple[GraphNode, str]]:
    """Job types and units that ServiceTitan has not told us of."""
    asks = [node for node in nodes if node.kind == Node.Kind.BOOK_JOB]
    for setting, model, what in (
        ("job_type", JobType, "job type"), ("business_unit", BusinessUnit, "business unit"),
    ):  # fmt: skip
        named = [
            (node, node.settings[setting]) for node in asks if isinstance(node.settings.get(setting), int)
        ]
        if not named:
            continue
        rows = model.objects.filter(account=account, servicetitan_id__in=[pk for _, pk in named])
        there = set(rows.values_list("servicetitan_id", flat=True))
        for node, pk in named:
            if pk not in there:
                yield (
                    node,
                    f"ServiceTitan has told us of no {what} {pk}: the office decides. Choose one here.",
                )


def _ids(value: object) -> list[int]:
    return [pk for pk in value if isinstance(pk, int)] if isinstance(value, list) else []


def _sound(node: GraphNode) -> str:
    plan = node.settings.get("plan") if node.kind == Node.Kind.CALL else None
    plays = plan.get("plays") if isinstance(plan, dict) else None
    return plays if isinstance(plays, str) else ""


def _about(node: GraphNode, words: str) -> Problem:
    return Problem(node.key, words, f"“{node.name}”: {words}")
