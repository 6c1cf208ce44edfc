"""`manage.py verify_log`: recompute every seal over the log and other evidence; exit 1 on a difference."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import sealing
from accounts.models import Account, AuditSeal


class Command(BaseCommand):
    """Says of each account how many seals hold, and what is wrong, in the order of its chain."""

    help = "Check that sealed evidence is what it was; exit 1 with what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--account` narrows it to one, by its slug."""
        parser.add_argument("--account", default="", help="only this account (its slug)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and print; CommandError where something differs."""
        accounts = Account.objects.order_by("pk")
        if options["account"]:
            accounts = accounts.filter(slug=options["account"])
            if not accounts.exists():
                raise CommandError(f"There is no account “{options['account']}”.")
        wrong = 0
        for account in accounts:
            found = list(sealing.differences(account))
            wrong += len(found)
            last = AuditSeal.objects.of(account.pk).last()
            if last is None:
                self.stdout.write(f"{account}: nothing is sealed yet")
                continue
            self.stdout.write(f"{account}: {last.number:,} seals, newest {last.digest}")
            for difference in found:
                self.stdout.write(f"  {difference}")
        if wrong:
            raise CommandError(f"{wrong:,} seals do not hold. The first named is the first that differs.")
