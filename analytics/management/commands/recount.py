"""manage.py recount: do the counters agree with the rows?"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analytics.recount import recount


class Command(BaseCommand):
    """Prints what differs; exit code 1 if anything does."""

    help = "Compare every counter with the rows it counts. Exit code 1 on any difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--json` for machines, sentences for people."""
        parser.add_argument("--json", action="store_true", help='print {"cells": n, "differences": [...]}')

    def handle(self, *args: Any, **options: Any) -> None:
        """Recount once and say what was found."""
        result = recount()
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json()))
        else:
            for difference in result.differences:
                self.stdout.write(str(difference))
            self.stdout.write(f"{result.cells} cells compared, {len(result.differences)} differ.")
        if result.differences:
            raise SystemExit(1)
