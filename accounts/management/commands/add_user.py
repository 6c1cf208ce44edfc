"""`manage.py add_user`: one more person, or one more account for a person."""

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import people
from accounts.management.commands.issue_token import find_account
from accounts.models import Role


class Command(BaseCommand):
    """The password comes from `TRUCKROLL_PASSWORD` or is asked for: arguments show in process lists."""

    help = "Add a person to an account. Without a password they set one by the reset link."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, where, as what."""
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="")
        parser.add_argument("--account", help="slug of the account; the first account if left out")
        parser.add_argument("--no-password", action="store_true", help="they choose one by the reset link")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Add, or say why not."""
        account = find_account(options["account"])
        password = None
        if not options["no_password"]:
            password = os.environ.get("TRUCKROLL_PASSWORD") or getpass.getpass("Password: ")
        try:
            membership = people.add(
                account=account,
                email=options["email"],
                password=password,
                name=options["name"],
                role=Role(options["role"]),
                by=None,
            )
        except people.Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(str(membership))
