"""manage.py export_corrections: how people said replies should have been read, to train and score readers."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from accounts.models import Account
from conversations.models import ReadingCorrection

COLUMNS = ("text", "label", "was", "detector", "rule", "score", "corrected_at", "account")


class Command(BaseCommand):
    """Prints a TSV whose first two columns `classify` reads. It holds customers' words: keep it as such."""

    help = "Print the latest correction of every reply as TSV (text, label and how it was read)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which account."""
        parser.add_argument("--account", help="the account's short name; all accounts unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a corrected reply, oldest first. CommandError for an account that is not there."""
        slug = options["account"]
        if slug and not Account.objects.filter(slug=slug).exists():
            raise CommandError(f"There is no account “{slug}”.")
        self.stdout.write("\t".join(COLUMNS))
        for correction in latest(slug).iterator(chunk_size=500):
            read = correction.message.reading
            cells = (
                correction.message.body or "", correction.now, correction.was, read.detector, read.rule,
                f"{read.score:.3f}", correction.at.isoformat(timespec="seconds"),
                correction.message.account.slug,
            )  # fmt: skip
            self.stdout.write("\t".join(_cell(cell) for cell in cells))


def latest(slug: str | None) -> QuerySet[ReadingCorrection]:
    """The last word on every corrected reply."""
    of_message = ReadingCorrection.objects.order_by("message", "-pk").distinct("message")
    found = ReadingCorrection.objects.filter(pk__in=of_message.values("pk"))
    if slug:
        found = found.filter(message__account__slug=slug)
    return found.select_related("message__reading", "message__account").order_by("pk")


def _cell(value: str) -> str:
    """One line without tabs; quotes around the whole are doubled, as a reader of TSV expects."""
    words = " ".join(value.split())
    wrapped = len(words) > 1 and words[0] == words[-1] == '"'
    return '"' + words.replace('"', '""') + '"' if wrapped else words
