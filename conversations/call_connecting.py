"""Having the provider send calls to our numbers here. Asked for by an admin, never by itself: a number may
have rung somewhere else until then."""

from accounts import audit
from accounts.models import Account, User
from common.phone import display_phone
from conversations import call_urls
from integrations.messaging import ProviderError
from integrations.models import SendingNumber
from integrations.twilio import numbers as numbers_of_twilio
from integrations.twilio.client import TwilioAccess


def connect(account: Account, *, by: User) -> tuple[int, list[str]]:
    """Set every active number of the account; how many were, and what went wrong, in words. Asks the
    provider: call it outside any transaction."""
    done, wrong = list[str](), list[str]()
    numbers = SendingNumber.objects.active().filter(account=account).select_related("connection")
    for number in numbers.order_by("pk"):
        shown = display_phone(number.e164)
        if not number.provider_sid:
            wrong.append(
                f"{shown} is not known by its id at Twilio. Set its voice address there yourself, or remove "
                "and add it again."
            )
            continue
        try:
            numbers_of_twilio.set_calls_address(
                TwilioAccess.of(number.connection), number.provider_sid, url=call_urls.inbound(),
                ended_url=call_urls.inbound("status"),
            )  # fmt: skip
        except ProviderError as refusal:
            wrong.append(f"{shown} was not connected: {refusal}")
        else:
            done.append(shown)
    if done:
        audit.record(
            account=account, by=by, verb="connected_calls", on=account,
            summary=f"Had calls to {', '.join(done)} come here",
        )  # fmt: skip
    return len(done), wrong
