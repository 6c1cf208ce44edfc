"""`manage.py first_admin`: the first account and its admin, from `TRUCKROLL_ADMIN=email:password`."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import people
from accounts.models import Account, Membership, Role, User
from accounts.models.user import normalise_email


class Command(BaseCommand):
    """Does nothing where that person is already an admin; never changes a password."""

    help = "Make the first account and admin from TRUCKROLL_ADMIN=email:password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name and zone of the account, when it has to be made."""
        parser.add_argument("--company", default="My company", help="name of the account, if it is made")
        parser.add_argument("--timezone", default="America/New_York", help="its zone, if it is made")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Read the variable; make what is missing."""
        email, password = parse(os.environ.get("TRUCKROLL_ADMIN", ""))
        if Membership.objects.filter(user__email=email, role=Role.ADMIN).exists():
            self.stdout.write(f"{email} is an admin already; nothing was changed.")
            return
        if User.objects.exists():
            raise CommandError(
                "There are users already; an admin adds further people (or manage.py add_user)."
            )
        try:
            account = Account.objects.first_opened() or people.open_account(
                name=options["company"], timezone=options["timezone"]
            )
            people.add(account=account, email=email, password=password, name="", role=Role.ADMIN, by=None)
        except people.Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Made the account “{account}” with the admin {email}.")


def parse(text: str) -> tuple[str, str]:
    """Split `email:password` (passwords may hold colons); CommandError if either is missing."""
    email, colon, password = text.partition(":")
    if not colon or not email.strip() or not password:
        raise CommandError("Set TRUCKROLL_ADMIN=email:password to name the first admin.")
    return normalise_email(email), password
