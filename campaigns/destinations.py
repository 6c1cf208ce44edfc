"""Whether the pages that links lead to answer: asked in the background after publishing, told as a warning.

Nothing waits for it: a slow site keeps nobody from saving, and one that refuses us may well serve people.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from accounts.models import Account
from campaigns import link_finding
from campaigns.link_domains import private
from campaigns.link_rules import problem
from campaigns.links import digest_of
from campaigns.models import DestinationCheck, Node, WorkflowVersion
from common import outside

# Whoever answers so is there: it asks for a sign-in, or does not talk to programs.
_THERE = {401, 403, 405, 406, 429}
_WORDS = {404: "page not found", 410: "page gone"}


def ask_for(account: Account, urls: Iterable[str], *, now: datetime) -> int:
    """Have these destinations looked at, those known already once more; how many."""
    asked = {to_ask(url): None for url in urls if not problem(url)}
    DestinationCheck.objects.bulk_create(
        [
            DestinationCheck(account=account, url=url, digest=digest_of(url), asked_at=now)
            for url in asked
        ],
        update_conflicts=True, unique_fields=["account", "digest"], update_fields=["asked_at", "checked_at"],
    )  # fmt: skip
    return len(asked)


def of_version(version: WorkflowVersion) -> list[str]:
    """Every link in the words and buttons of a version's messages, whatever language they are of."""
    kinds = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL)
    said = Node.objects.filter(version=version, kind__in=kinds).values_list("settings", flat=True)
    return link_finding.in_texts(_texts(list(said)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def to_ask(url: str) -> str:
    """What can be asked of a destination: itself, or its site where merge fields make it one's own."""
    if "{{" not in url:
        return url
    parts = urlsplit(link_finding.masked(url))
    return f"https://{parts.netloc}/"


def due(limit: int = 20) -> list[DestinationCheck]:
    """Destinations that nobody has asked yet, in their order."""
    return list(DestinationCheck.objects.filter(checked_at=None).order_by("asked_at", "pk")[:limit])


def check(one: DestinationCheck, *, now: datetime) -> str:
    """Ask one destination and write down what was found. Calls the outside: never inside a transaction."""
    finding = _ask(one.url)
    DestinationCheck.objects.filter(pk=one.pk).update(checked_at=now, finding=finding[:300])
    return finding


def findings(account: Account, urls: Iterable[str]) -> dict[str, str]:
    """What is wrong with those of these destinations that did not answer, by destination."""
    asked = {url: digest_of(to_ask(url)) for url in urls}
    wrong = DestinationCheck.objects.filter(account=account, digest__in=asked.values()).exclude(finding="")
    found = dict(wrong.values_list("digest", "finding"))
    return {url: found[digest] for url, digest in asked.items() if digest in found}


def _ask(url: str) -> str:
    try:
        answer = outside.ask(url, method="HEAD", private=private())
    except outside.Unreachable as why:
        return f"{urlsplit(url).netloc} {why}"
    if answer.status < 400 or answer.status in _THERE:
        return ""
    words = f" ({_WORDS[answer.status]})" if answer.status in _WORDS else ""
    return f"{urlsplit(url).netloc} answers with error {answer.status}{words}"
