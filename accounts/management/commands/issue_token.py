"""`manage.py issue_token --scopes all`: a new API token, printed once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit
from accounts.access import CAN
from accounts.models import Account, ApiToken, Membership, User
from accounts.models.api_token import ALL_SCOPES
from accounts.models.user import normalise_email

METRICS_SCOPE = "metrics"  # reads /metrics, and nothing else


class Command(BaseCommand):
    """Issues a token in the name of an admin; only the token goes to standard output."""

    help = "Print a new API token. It is shown once and stored only as a hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The contract's `--scopes`, and whose token it is."""
        parser.add_argument("--scopes", required=True, help="all, or capabilities separated by commas")
        parser.add_argument("--account", help="slug of the account; the first account if left out")
        parser.add_argument(
            "--email", help="the admin who answers for it; the account's first admin if left out"
        )
        parser.add_argument("--name", default="command line", help="what it is for")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Find account and admin, issue, record, print."""
        scopes = parse_scopes(options["scopes"])
        account = find_account(options["account"])
        by = find_admin(account, options["email"])
        token, secret = ApiToken.objects.issue(account=account, by=by, name=options["name"], scopes=scopes)
        audit.record(
            account=account,
            by=by,
            verb="issued_token",
            on=token,
            summary=f"Issued the API token “{token.name}” for {', '.join(scopes)}",
        )
        self.stdout.write(secret)


def parse_scopes(text: str) -> list[str]:
    """`all`, or known capability names; CommandError otherwise."""
    scopes = [scope.strip() for scope in text.split(",") if scope.strip()]
    unknown = [scope for scope in scopes if scope not in (ALL_SCOPES, METRICS_SCOPE, *CAN)]
    if not scopes or unknown:
        known = ", ".join([ALL_SCOPES, METRICS_SCOPE, *CAN])
        raise CommandError(f"Unknown scope: {', '.join(unknown) or '(none given)'}. Known are {known}.")
    return scopes


def find_account(slug: str | None) -> Account:
    """The account of this slug, or the first one; CommandError if there is none."""
    found = Account.objects.filter(slug=slug).first() if slug else Account.objects.first_opened()
    if found is None:
        wanted = f"There is no account “{slug}”." if slug else "There is no account yet."
        raise CommandError(f"{wanted} manage.py first_admin makes the first one.")
    return found


def find_admin(account: Account, email: str | None) -> User:
    """The admin of this mailbox, or the account's first; CommandError if there is none."""
    admins = Membership.objects.admins(account).order_by("created_at", "pk")
    if email:
        admins = admins.filter(user__email=normalise_email(email))
    membership = admins.first()
    if membership is None:
        raise CommandError(
            f"{account} has no admin{f' {email}' if email else ''} who could answer for a token."
        )
    return membership.user
