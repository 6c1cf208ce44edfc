"""Fetching what came with a text: from the provider alone, within bounds, wherever its answer points.

The address comes from a signed webhook and is checked all the same. Credentials go to the provider's own
origin only; its redirects lead to its stores, which are known by name. A simulated provider is reached where
its connection says, and redirects nowhere else.
"""

import ipaddress
import socket
from urllib.parse import urljoin, urlsplit

import httpx

from common.loopback import is_loopback
from integrations.messaging import ProviderError
from integrations.twilio.client import TwilioAccess

MOST_BYTES = 5_000_000
SECONDS = 15.0
MOST_REDIRECTS = 3
_STORES = (".twilio.com", ".twiliocdn.com")
_BUCKETS = ("s3.amazonaws.com", "s3-external-1.amazonaws.com", "s3.us-east-1.amazonaws.com")


def fetch(access: TwilioAccess, url: str, *, section: str = "Messages", most: int = MOST_BYTES) -> bytes:
    """The bytes behind an address in this section of the account, at most so many.

    Raises ProviderError: permanent where the address is not the provider's, the file is too big or gone;
    else another try may help.
    """
    if not _is_ours(access, url, section):
        raise _never("The address is not the provider’s", "foreign_address")
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as http:
            for _ in range(MOST_REDIRECTS + 1):
                at_home = _origin(url) == _origin(access.base_url)
                auth = (access.account_sid, access.auth_token) if at_home else None
                with http.stream("GET", url, auth=auth) as answer:
                    if not answer.has_redirect_location:
                        return _read(answer, most)
                    url = urljoin(url, answer.headers["Location"])
                if not _may_follow(url, access.base_url):
                    raise _never("The provider pointed to a place that is not its own", "foreign_redirect")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise ProviderError(
            f"The file could not be fetched: {type(error).__name__}", permanent=False, accepted="no",
            code="unreachable",
        ) from error  # fmt: skip
    raise _never("The provider redirected too often", "redirects")


def _is_ours(access: TwilioAccess, url: str, section: str) -> bool:
    path = f"/2010-04-01/Accounts/{access.account_sid}/{section}/"
    return (
        _origin(url) == _origin(access.base_url) and urlsplit(url).path.startswith(path) and ".." not in url
    )


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    if parts.username or parts.password:
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _may_follow(url: str, home: str) -> bool:
    """Whether a redirect stays where it came from, or leads to one of the provider's stores and with it to a
    machine of the open net. One on this machine may call itself by another name, on its own port."""
    scheme, host, port = _origin(url)
    if _origin(url) == _origin(home) or (
        is_loopback(home) and is_loopback(url) and port == _origin(home)[2] and scheme == "http"
    ):
        return True
    known = host in _BUCKETS or any(host.endswith(store) for store in _STORES)
    if scheme != "https" or port != 443 or not known:
        return False
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return all(ipaddress.ip_address(entry[4][0]).is_global for entry in found)


def _read(answer: httpx.Response, most: int) -> bytes:
    if answer.status_code in (404, 410):
        raise _never("The provider no longer has it", str(answer.status_code))
    if answer.status_code in (401, 403):
        raise ProviderError(
            "The provider refused our credentials", permanent=False, accepted="no",
            code=str(answer.status_code),
        )  # fmt: skip
    if answer.status_code != 200:
        raise ProviderError(
            f"The provider answered {answer.status_code}", permanent=False, accepted="no",
            code=str(answer.status_code),
        )  # fmt: skip
    data = b""
    for piece in answer.iter_bytes(65_536):
        data += piece
        if len(data) > most:
            raise _never(f"It is bigger than {most // 1_000_000} MB", "too_big")
    if not data:
        raise _never("It is empty", "empty")
    return data


def _never(words: str, code: str) -> ProviderError:
    return ProviderError(words, permanent=True, accepted="no", code=code)
