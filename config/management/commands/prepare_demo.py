"""`manage.py prepare_demo`: the company that `make run` shows to newcomers. Run by `config.prepare`."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from config.demo import company


class Command(BaseCommand):
    """Makes what is missing and leaves alone what is there, so that it may run at every start."""

    help = "Make the demo company: people, provider connections, customers, a workflow and one campaign."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, and say what there is."""
        embedded = not os.environ.get("DATABASE_URL")
        try:
            done = company.prepare(os.environ, now=clock.now(), known_passwords=embedded)
        except company.NotPrepared as error:
            raise CommandError(str(error)) from error
        if done:
            self.stdout.write(done)
