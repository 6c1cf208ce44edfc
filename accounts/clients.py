"""Who is at the other end of a request, for throttles and logs."""

from contextvars import ContextVar
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from accounts.models.user import normalise_email

# The client of the request being answered, for the audit log; nothing in workers and commands. Acts are
# recorded far below any view, so the middleware leaves it here.
present_ip: ContextVar[str | None] = ContextVar("present_ip", default=None)


def client_ip(request: HttpRequest) -> str | None:
    """The client's address; `X-Forwarded-For` counts only as far as `TRUSTED_PROXIES` wrote it.

    Anybody may send the header, so it is read from the right, from the first hop we trust to the first we
    do not. An unreadable entry ends the reading.
    """
    address: str | None = request.META.get("REMOTE_ADDR") or None
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while address and hops and _is_trusted_proxy(address):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def storable_ip(request: HttpRequest) -> str | None:
    """The client's address if PostgreSQL takes it as one: not a socket's name, and without an IPv6 scope."""
    address = client_ip(request)
    return address if address and "%" not in address and _is_address(address) else None


def throttled_name(request: HttpRequest, credentials: dict[str, str] | None = None) -> str:
    """The mailbox under which failed attempts are counted, whatever its capitals."""
    source = credentials if credentials is not None else request.POST
    return normalise_email(str(source.get("username") or ""))[:254]


def _is_trusted_proxy(address: str) -> bool:
    return _is_address(address) and any(
        ip_address(address) in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
