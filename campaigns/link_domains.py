"""Under which address an account's short links stand: its own domain while that works, else ours.

A domain works when a request to it reaches this very deployment, which answers a challenge as nobody else
can. It is asked again every hour; where it fails, new links carry our own address until it works again.
Links that were sent stay with the domain they have.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings

from accounts import audit
from accounts.models import User
from campaigns.models import LinkSettings
from common import outside
from common.loopback import is_loopback

AGAIN = timedelta(hours=1)
DNS_HINT = "Point a CNAME record of this name at {ours}."


def base(own: LinkSettings) -> str:
    """What an account's short addresses begin with, without a slash at the end."""
    return _address(own.domain) if own.works and own.domain else settings.PUBLIC_URL


def answer_to(challenge: str) -> str:
    """What this deployment says to a challenge; nobody else knows it."""
    return hmac.new(settings.SECRET_KEY.encode(), f"link domain {challenge}".encode(), sha256).hexdigest()


def due(now: datetime) -> list[LinkSettings]:
    """Domains that were not asked for an hour, those never asked first."""
    named = LinkSettings.objects.exclude(domain="").exclude(checked_at__gt=now - AGAIN)
    return list(named.select_related("account").order_by("checked_at", "pk")[:50])


def check(own: LinkSettings, *, now: datetime) -> bool:
    """Ask a domain, write down what was found, and log what has changed; whether it works.

    Calls the outside: never inside a transaction.
    """
    finding = _ask(own.domain)
    works = not finding
    changed = LinkSettings.objects.filter(pk=own.pk, domain=own.domain)
    if not changed.update(works=works, finding=finding[:300], checked_at=now):
        return works  # another domain was set meanwhile
    if works != own.works:
        said = f"{own.domain} works: new links stand under it" if works else (
            f"{own.domain} no longer works: new links stand under {urlsplit(settings.PUBLIC_URL).netloc}"
        )  # fmt: skip
        audit.record(account=own.account, by=None, verb="checked_link_domain", summary=said, on=own)
    own.works, own.finding, own.checked_at = works, finding, now
    return works


def keep(own: LinkSettings, *, before: dict[str, object], by: User) -> None:
    """Save changed settings, with an entry of what they were. A new domain has to prove itself first."""
    if "domain" in before:
        own.works, own.checked_at, own.finding = False, None, ""
    own.save()
    audit.record(
        account=own.account, by=by, verb="changed_links", summary="Changed how links are shortened", on=own,
        detail={name: f"{was} → {getattr(own, name)}" for name, was in before.items()},
    )  # fmt: skip


def private() -> bool:
    """Whether this deployment itself stands in a private network, as a demo does: then a domain may, too."""
    return is_loopback(settings.PUBLIC_URL)


def _address(domain: str) -> str:
    return f"{'http' if private() else 'https'}://{domain}"


def _ask(domain: str) -> str:
    """What is wrong with a domain, in words; empty where it leads here."""
    ours = urlsplit(settings.PUBLIC_URL).netloc
    challenge = secrets.token_hex(16)
    try:
        answer = outside.ask(f"{_address(domain)}/l/proof/{challenge}/", private=private())
    except outside.Unreachable as why:
        hint = f" {DNS_HINT.format(ours=ours)}" if "DNS" in str(why) else ""
        return f"{domain} {why}.{hint}"
    if answer.status == 400:
        return f"{domain} leads here, and this deployment refuses the name: it has to be in ALLOWED_HOSTS."
    if answer.status != 200 or not hmac.compare_digest(
        answer.body.strip().encode(), answer_to(challenge).encode()
    ):
        return f"{domain} answers, but it is another site. {DNS_HINT.format(ours=ours)}"
    return ""
