"""manage.py rebuild_rollups: totals, hours, days and months made again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analytics import counters, rollups


class Command(BaseCommand):
    """May run at any time, beside writers."""

    help = (
        "Make totals, hours, days and months again from the minutes; with --from-rows, those from the rows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--from-rows` repairs the minutes first."""
        parser.add_argument(
            "--from-rows", action="store_true", help="first let every minute agree with the rows"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what was done."""
        if options["from_rows"]:
            self.stdout.write(f"{rollups.correct()} minutes did not agree with their rows and do now.")
            while counters.squash():
                pass
        self.stdout.write(f"Totals, hours, days and months of {rollups.rebuild()} campaigns made again.")
