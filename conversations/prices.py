"""What texts cost, read from the provider's list: some time after they were sent, a few pages at a time."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Min

from common import sql
from conversations.models import Message, PriceReading
from integrations.messaging import ProviderError
from integrations.models import SendingNumber
from integrations.twilio.client import TwilioAccess
from integrations.twilio.lists import PricedText, list_prices

log = logging.getLogger(__name__)
SETTLED = timedelta(hours=1)  # by then most prices are named
LOOK_BACK = timedelta(days=7)
CALL = timedelta(minutes=10)  # a text is created at the provider before we know that it was accepted
AT_ONCE = timedelta(hours=2)  # of one number in one round


def read_due(*, now: datetime) -> int:
    """Read what each active number sent up to an hour ago and was not read yet; how many prices were new."""
    return sum(_read(number, now) for number in SendingNumber.objects.select_related("connection"))


def _read(number: SendingNumber, now: datetime) -> int:
    kept = PriceReading.objects.filter(number=number).first()
    begin = max(kept.read_until if kept else now - LOOK_BACK, now - LOOK_BACK)
    sent = Message.objects.filter(account=number.account_id, number=number, accepted_at__gte=begin)
    first = sent.aggregate(first=Min("accepted_at"))["first"]
    begin = max(begin, first - CALL) if first else now
    if now - SETTLED <= begin:
        return 0
    until = min(now - SETTLED, begin + AT_ONCE)
    try:
        found = list_prices(
            TwilioAccess.of(number.connection), from_=number.e164, created_after=begin, created_before=until
        )
    except (ProviderError, KeyError) as error:
        log.warning("prices of number %s not read: %s", number.pk, error)
        return 0
    written = keep(found)
    PriceReading.objects.update_or_create(number=number, defaults={"read_until": until})
    return written


def keep(found: Sequence[PricedText]) -> int:
    """Note these prices with our messages; how many were new. Other currencies than dollars are left out."""
    known = [(one.provider_id, str(abs(one.price))) for one in found if one.unit == "USD"]
    if not known:
        return 0
    sids, amounts = sql.columns(known)
    return sql.run(
        """
        INSERT INTO conversations_messageprice (message_id, amount)
        SELECT m.id, round(n.amount::numeric, 5) FROM unnest(%s::text[], %s::text[]) AS n(sid, amount)
        JOIN conversations_message m ON m.provider = 'twilio' AND m.provider_id = n.sid
        ORDER BY m.id ON CONFLICT (message_id) DO NOTHING
        """,
        [sids, amounts],
    )
