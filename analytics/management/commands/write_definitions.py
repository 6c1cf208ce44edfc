"""manage.py write_definitions: docs/metrics.md from the definitions."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from analytics import definitions


class Command(BaseCommand):
    """Writes the file, or says that it is not what it should be."""

    help = "Write docs/metrics.md from the definitions of every number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="exit code 1 where the file is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or check it."""
        path = Path(settings.BASE_DIR) / "docs" / "metrics.md"
        text = definitions.markdown()
        if not options["check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            self.stderr.write("docs/metrics.md is out of date: run manage.py write_definitions.")
            raise SystemExit(1)
