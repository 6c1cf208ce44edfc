"""Asking an address on the public net that somebody typed, without being led into our own network.

The name is resolved once, every address it has is looked at, and the connection goes to one of those: a name
that answers differently the next moment gains nothing. Redirects are not followed.
"""

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from urllib.parse import urlsplit

_MOST_BYTES = 4_096
_NAME = "Truckroll-link-check/1.0"


class Unreachable(Exception):
    """Nobody answered; the text says why, in words that follow the site's name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most 4 kB of it."""

    status: int
    body: str


def ask(url: str, *, method: str = "GET", seconds: float = 5.0, private: bool = False) -> Answer:
    """One request. `private` lets it go to addresses of our own network. Raises Unreachable."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        found = _connected(_addresses(host, port, private), port, seconds)
        with found if not tls else _secured(found, host) as plug:
            talk = HTTPConnection(host, port, timeout=seconds)
            talk.sock = plug
            talk.request(
                method, target, headers={"User-Agent": _NAME, "Accept": "*/*", "Connection": "close"}
            )
            response = talk.getresponse()
            return Answer(response.status, response.read(_MOST_BYTES).decode(errors="replace"))
    except TimeoutError as late:
        raise Unreachable(f"did not answer within {seconds:.0f} seconds") from late
    except (OSError, HTTPException, ValueError) as wrong:
        raise Unreachable("does not answer") from wrong


def _addresses(host: str, port: int, private: bool) -> list[str]:
    try:
        name = host.encode("idna").decode()
        found = list(
            dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        )
    except (socket.gaierror, UnicodeError) as unknown:
        raise Unreachable("has no entry in the DNS") from unknown
    if not private and not all(ip_address(one.partition("%")[0]).is_global for one in found):
        raise Unreachable("leads into a private network")
    return found


def _connected(addresses: list[str], port: int, seconds: float) -> socket.socket:
    last: OSError = OSError("no address")
    for address in addresses[:3]:
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError as refused:
            last = refused
    raise last


def _secured(plug: socket.socket, host: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(plug, server_hostname=host)
    except ssl.SSLError as invalid:
        plug.close()
        raise Unreachable("has no valid certificate for https") from invalid
