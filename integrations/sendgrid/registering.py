"""The addresses that people register at SendGrid: for news of emails, and for what customers answer.

Inbound mail is not signed unless a policy is set there, so its address holds a secret of the connection's. It
follows from the deployment's secret key: whoever knows one connection's address knows no other's.
"""

import hmac

from django.conf import settings

from integrations.models import Connection

_PURPOSE = b"truckroll.sendgrid-inbound.v1"


def events_url() -> str:
    """Where the Event Webhook posts; each batch says by its signature whose it is."""
    return f"{settings.PUBLIC_URL}/webhooks/sendgrid/events"


def inbound_url(connection: Connection) -> str:
    """Where Inbound Parse posts the mails of one account."""
    return f"{settings.PUBLIC_URL}/webhooks/sendgrid/inbound?key={_key(settings.SECRET_KEY, connection.pk)}"


def whose(key: str) -> Connection | None:
    """The connection that an address with this key is of; None for anybody else's. Former secret keys
    count."""
    number = key.partition("-")[0]
    if not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(hmac.compare_digest(_key(secret, int(number)).encode(), key.encode()) for secret in secrets):
        return None
    return Connection.objects.filter(pk=int(number), provider=Connection.Provider.SENDGRID).first()


def _key(secret: str, number: int) -> str:
    made = hmac.digest(secret.encode(), _PURPOSE + str(number).encode(), "sha256").hex()[:40]
    return f"{number}-{made}"
