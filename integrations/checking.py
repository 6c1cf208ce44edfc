"""Trying a connection, for somebody who waits beside the page: seconds at most, and a plain answer.

Never inside a transaction. It asks for little, repeats nothing, and changes nothing at the provider.
"""

import time
import uuid
from dataclasses import dataclass

import httpx
from django.db import connection as database
from django.db.models import F

from integrations.messaging import Letter, ProviderError, Recipient
from integrations.models import Connection, SendingMailbox
from integrations.sendgrid import client as sendgrid
from integrations.sendgrid.client import SendGridAccess
from integrations.servicetitan import budget, errors
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.tokens import TenantGate
from integrations.twilio import numbers as twilio
from integrations.twilio.client import TwilioAccess

LONGEST_SECONDS = 15.0
REQUEST_SECONDS = 5.0

# What we read and do there: (words, module, path). The words are those of the developer portal's scopes.
SCOPES = (
    ("customers", "crm", "customers"),
    ("locations", "crm", "locations"),
    ("customers’ contacts", "crm", "customers/contacts"),
    ("bookings", "crm", "bookings"),
    ("booking providers", "crm", "booking-provider-tags"),
    ("jobs", "jpm", "jobs"),
    ("appointments", "jpm", "appointments"),
    ("job types", "jpm", "job-types"),
    ("business units", "settings", "business-units"),
    ("tag types", "settings", "tag-types"),
)
# What we read besides; without it the rest works.
MORE_SCOPES = (
    ("marketing campaigns", "marketing", "campaigns"),
    ("memberships", "memberships", "memberships"),
    ("membership types", "memberships", "membership-types"),
    ("invoices", "accounting", "invoices"),
    ("estimates", "sales", "estimates"),
    ("technicians of appointments", "dispatch", "export/appointment-assignments"),
    ("recurring visits", "memberships", "export/recurring-service-events"),
    ("phone calls", "telecom", "export/calls"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a connection works, what was found, and what to do where it does not."""

    works: bool
    title: str
    text: str = ""


def stored(connection: Connection) -> Answer:
    """Try a connection as it is kept."""
    if connection.provider == Connection.Provider.SERVICETITAN:
        return servicetitan(ServiceTitanAccess.of(connection))
    if connection.provider == Connection.Provider.SENDGRID:
        return _senders(connection)
    return of_twilio(TwilioAccess.of(connection))


def _senders(connection: Connection) -> Answer:
    """The account's own sender, then those of business units, until one is refused."""
    senders = SendingMailbox.objects.filter(connection=connection, active=True)
    emails = list(senders.order_by(F("business_unit").asc(nulls_first=True)).values_list("email", flat=True))
    if not emails:
        return Answer(False, "There is no mailbox to send from yet", "Set the sender, then test again.")
    deadline = time.monotonic() + LONGEST_SECONDS
    for email in dict.fromkeys(emails):
        answer = of_sendgrid(SendGridAccess.of(connection), email)
        if not answer.works or time.monotonic() > deadline:
            return answer
    if len(set(emails)) == 1:
        return answer
    return Answer(True, f"SendGrid answers, and takes emails from all {len(set(emails))} senders")


def servicetitan(access: ServiceTitanAccess) -> Answer:
    """Sign in, then read one row of everything that we need."""
    _give_back_database()
    deadline = time.monotonic() + LONGEST_SECONDS
    with httpx.Client(timeout=REQUEST_SECONDS, trust_env=False) as http:
        try:
            token = TenantGate(access).token(http)
        except ProviderError as error:
            return _no_sign_in(error)
        refused, left_out, source = [], [], budget.source_of(access)
        headers = {"Authorization": f"Bearer {token}", "ST-App-Key": access.app_key}
        for words, module, path in SCOPES + MORE_SCOPES:
            url = f"{access.base_url}/{module}/v2/tenant/{access.tenant_id}/{path}"
            try:
                budget.wait_for_turn(source)
            except ProviderError:
                return _asks_us_to_wait()
            _give_back_database()
            left = deadline - time.monotonic()
            if left <= 0:
                return _slow()
            try:
                answer = http.get(
                    url,
                    params={"page": 1, "pageSize": 1},
                    headers=headers,
                    timeout=min(REQUEST_SECONDS, left),
                )
            except httpx.TimeoutException:
                return _slow()
            except httpx.HTTPError:
                return _unreachable("ServiceTitan")
            optional = (words, module, path) in MORE_SCOPES
            if optional and answer.status_code in (403, 404):
                left_out.append(words)
            elif answer.status_code == 403:
                refused.append(words)
            elif not answer.is_success:
                if answer.status_code == 429:
                    budget.hold(source, errors.retry_after(answer.headers))
                return _api_refused(answer, access)
    if refused:
        return _missing_scopes(refused + left_out)
    if left_out:
        return Answer(
            True,
            f"ServiceTitan answers, but the app may not read {', '.join(left_out)}",
            "Everything else works; what these say is unknown here. Add the scopes in the developer portal, "
            "then let the tenant’s admin accept the change.",
        )
    return Answer(True, "ServiceTitan answers, and allows all we need")


def of_twilio(access: TwilioAccess) -> Answer:
    """Sign in and look at the account's phone numbers."""
    _give_back_database()
    try:
        numbers = twilio.list_numbers(access, seconds=REQUEST_SECONDS)
    except ProviderError as error:
        return _twilio_refused(error)
    able = [number for number in numbers if number.can_text]
    if not able:
        return Answer(
            True, "Twilio answers, but this account has no number that can text", "Buy or port one at Twilio."
        )
    many = "1 number" if len(able) == 1 else f"{len(able):,} numbers"
    return Answer(True, f"Twilio answers; {many} of this account can text")


def of_sendgrid(access: SendGridAccess, mailbox: str) -> Answer:
    """Have an email from this mailbox checked as if it were sent; none is."""
    _give_back_database()
    letter = Letter(from_=mailbox, from_name="", text="Only checked.")
    person = Recipient(attempt_id=uuid.uuid4(), to=mailbox, subject="Test")
    try:
        sendgrid.try_sending(access, letter, person, seconds=REQUEST_SECONDS)
    except ProviderError as error:
        return _sendgrid_refused(error, mailbox)
    return Answer(True, f"SendGrid answers, and takes emails from {mailbox}")


def _sendgrid_refused(error: ProviderError, mailbox: str) -> Answer:
    if error.code == "timeout":
        return _slow("SendGrid")
    if error.code == "unreachable":
        return _unreachable("SendGrid")
    if error.code == "unauthorised":
        return Answer(
            False,
            "SendGrid refused the API key",
            "Make one there under Settings, API Keys, that may at least send mail, and copy it whole: it "
            "begins with SG.",
        )
    if error.code == "bad_sender":
        return Answer(
            False,
            f"SendGrid does not let {mailbox} send",
            "Verify this mailbox there, or better its whole domain: Settings, Sender Authentication.",
        )
    if error.code == "429":
        return Answer(False, "SendGrid asks us to wait", "Too many requests just now. Try again in a minute.")
    return _broken("SendGrid", error.code)


def _no_sign_in(error: ProviderError) -> Answer:
    if error.code == "unreachable":
        timed_out = isinstance(error.__cause__, httpx.TimeoutException)
        return _slow() if timed_out else _unreachable("ServiceTitan")
    if error.code in ("400", "401", "403"):
        return Answer(
            False,
            "ServiceTitan refused the client ID or the client secret",
            "Copy both again from your app’s page in ServiceTitan (Settings, Integrations, API Application "
            "Access). A secret that was generated anew makes the old one useless.",
        )
    if error.code == "429":
        return Answer(
            False, "ServiceTitan asks us to wait", "Too many sign-ins lately. Try again in a minute."
        )
    return _broken("ServiceTitan", error.code)


def _api_refused(answer: httpx.Response, access: ServiceTitanAccess) -> Answer:
    error = errors.refusal(answer.status_code, answer.text, answer.headers)
    if answer.status_code == 401:
        return Answer(
            False,
            "ServiceTitan refused the app key",
            "The client ID and secret are right. Copy the app key again from the developer portal.",
        )
    if answer.status_code == 404:
        return Answer(
            False,
            f"The app is not allowed for tenant {access.tenant_id}",
            "Check the tenant ID. If it is right, an admin of that tenant must connect the app in "
            "ServiceTitan: Settings, Integrations, API Application Access.",
        )
    if answer.status_code == 429:
        return _asks_us_to_wait()
    return _broken("ServiceTitan", error.code)


def _asks_us_to_wait() -> Answer:
    return Answer(False, "ServiceTitan asks us to wait", "Too many requests just now. Try again in a minute.")


def _missing_scopes(refused: list[str]) -> Answer:
    return Answer(
        False,
        f"The app may not read {', '.join(refused)}",
        "Add the missing scopes to the app in the developer portal, then let the tenant’s admin accept the "
        "change in ServiceTitan.",
    )


def _twilio_refused(error: ProviderError) -> Answer:
    if error.code == "timeout":
        return _slow("Twilio")
    if error.code == "unreachable":
        return _unreachable("Twilio")
    if error.code in ("20003", "401"):
        return Answer(
            False,
            "Twilio refused the account SID or the auth token",
            "Copy both again from the Twilio console. After a token was promoted, the old one is useless.",
        )
    if error.code in ("20404", "404"):
        return Answer(False, "Twilio knows no such account", "Check the account SID: it begins with AC.")
    return _broken("Twilio", error.code)


def _slow(who: str = "ServiceTitan") -> Answer:
    return Answer(
        False, f"{who} took too long to answer", "Nothing is known to be wrong. Try again in a minute."
    )


def _unreachable(who: str) -> Answer:
    return Answer(
        False,
        f"{who} could not be reached",
        "Its address did not answer at all: look at the network, and at the provider’s status page.",
    )


def _broken(who: str, code: str) -> Answer:
    return Answer(False, f"{who} answered with an error ({code})", "Try again in a minute; it may be theirs.")


def _give_back_database() -> None:
    """Let others have the database while we wait for somebody else's server."""
    if not database.in_atomic_block:
        database.close()
