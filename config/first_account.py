"""The first account, as the environment describes it: its admin and its providers. Done at every start."""

from collections.abc import Mapping

from django.core.management import CommandError, call_command

from accounts.models import Account, User
from config import providers
from integrations import connections, mailboxes
from integrations.encryption import CredentialsUnreadable
from integrations.messaging import ProviderError
from integrations.models import Connection, SendingNumber

# The sandbox's, in their order: the first at the rate of a busy short code, the others at that of local ones.
SANDBOX_NUMBERS = (("Main line", 100), ("City line", 10), ("West line", 10))
SANDBOX_POSTAL_ADDRESS, SANDBOX_EMAILS_PER_SECOND = "100 Example Avenue, Chicago, IL 60601", 100


class Refused(Exception):
    """The variables make no sense and nobody could sign in; one sentence for whoever starts the product."""


def make_admin() -> str:
    """Make the admin that TRUCKROLL_ADMIN names; "" or a sentence why not. Raises Refused where nobody is."""
    try:
        call_command("first_admin")
    except CommandError as error:
        if not User.objects.exists():
            raise Refused(str(error)) from error
        return str(error)
    return ""


def sign_ins(environ: Mapping[str, str]) -> list[str]:
    """What to print about signing in where no password is published: as whom, or how somebody can."""
    if not User.objects.exists():
        return [
            "Nobody can sign in yet: stop it, and start it once with",
            "TRUCKROLL_DEMO=0 TRUCKROLL_ADMIN=email:password make run",
        ]
    email, _, password = environ.get("TRUCKROLL_ADMIN", "").partition(":")
    return [f"Sign in as {email} with the password that TRUCKROLL_ADMIN names"] if password else []


def connect_first(environ: Mapping[str, str]) -> list[str]:
    """Connect the first account to the providers of the environment; sentences about what was not possible.

    Real connections are never exchanged for the sandbox, which only stands in where there is none.
    """
    account = Account.objects.first_opened()
    if account is None:
        if set(providers.PREFIXES) - set(providers.missing(environ)) - _played(environ):
            return ["There is no account yet to connect to a provider: set TRUCKROLL_ADMIN=email:password."]
        return []
    return connect(account, _without_stand_ins(account, environ))


def connect(account: Account, environ: Mapping[str, str]) -> list[str]:
    """Connect `account` to every provider that `environ` names wholly; changed values replace the old ones.

    Returns a sentence for each thing that could not be done: a start goes on without it.
    """
    try:
        connections.ensure_from_environment(account, environ)
    except ProviderError as error:
        return [f"Twilio did not list its numbers ({error}): the known ones stay; the next start asks again."]
    except CredentialsUnreadable as error:
        return [f"The providers were not connected: {error}"]
    _quicken(account)
    _mailbox(account)
    return []


def _quicken(account: Account) -> None:
    """Let the sandbox's numbers send at their rates, once; a carrier's keep the careful rate they have."""
    numbers = SendingNumber.objects.filter(account=account, active=True).select_related("connection")
    for number, (label, rate) in zip(numbers.order_by("pk"), SANDBOX_NUMBERS, strict=False):
        if number.segments_per_second == 1 and number.label != label and _is_sandbox(number.connection):
            number.label, number.segments_per_second = label, rate
            number.save(update_fields=["label", "segments_per_second"])


def _mailbox(account: Account) -> None:
    """Give the sandbox's SendGrid a mailbox to send from, once; a real one is for people to choose."""
    connection = connections.for_account(account, Connection.Provider.SENDGRID)
    if connection is None or not _is_sandbox(connection) or connection.sending_mailboxes.exists():
        return
    mailboxes.keep(
        connection, email=f"office@{account.slug}.example", name=account.name,
        postal_address=SANDBOX_POSTAL_ADDRESS, emails_per_second=SANDBOX_EMAILS_PER_SECOND, by=None,
    )  # fmt: skip


def _without_stand_ins(account: Account, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the sandbox's variables for providers that are connected in earnest."""
    real = {
        f"{connection.provider.upper()}_"
        for connection in Connection.objects.filter(account=account).defer("credentials")
        if not _is_sandbox(connection)
    }
    kept = tuple(real & _played(environ))
    return {name: value for name, value in environ.items() if not name.startswith(kept)}


def _played(environ: Mapping[str, str]) -> set[str]:
    """The prefixes of the providers that `make run` had its sandbox play."""
    sandbox = environ.get("TRUCKROLL_SANDBOX_URL")
    return {p for p in providers.PREFIXES if sandbox and environ.get(f"{p}API_BASE_URL") == sandbox}


def _is_sandbox(connection: Connection) -> bool:
    return providers.is_loopback(connection.settings.get("base_url", ""))
