"""Where a link may lead, as far as its words say it. Whether somebody answers there is asked in the
background."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from campaigns.link_finding import masked

LONGEST = 2_000  # what browsers, mail programs and carriers all take
# Carriers filter texts with these: anybody's addresses hide behind them.
SHORTENERS = frozenset({
    "adf.ly", "bit.do", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "clck.ru", "cutt.ly", "goo.gl", "is.gd",
    "j.mp", "lnkd.in", "ow.ly", "ouo.io", "qr.ae", "rb.gy", "rebrand.ly", "s.id", "short.io", "shorte.st",
    "shorturl.at", "shorturl.com", "snip.ly", "soo.gd", "t.co", "t.ly", "tiny.cc", "tiny.one",
    "tinyurl.com", "trib.al", "u.to", "urlz.fr", "v.gd", "x.co",
})  # fmt: skip
_OWN_NETWORK = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*")


def problems(urls: Iterable[str]) -> list[str]:
    """What is wrong with these destinations, in words."""
    return [f"Link {url[:80]}: {said}" for url in urls if (said := problem(url))]


def problem(url: str) -> str:
    """What is wrong with a destination that may hold merge fields; empty where nothing is."""
    if len(url) > LONGEST:
        return f"it is longer than {LONGEST:,} characters."
    seen = masked(url)
    try:
        parts = urlsplit(seen)
        host, user, _ = parts.hostname or "", parts.username, parts.port
    except ValueError:
        return "it cannot be read as a web address."
    if parts.scheme.lower() != "https":
        return "it must begin with https://, or phones and mail programs will warn of it."
    if user is not None or "@" in parts.netloc:
        return "it holds a name or password before the @, which everybody who gets it would read."
    if not seen.isascii() and any(sign in parts.netloc for sign in "\ue000\ue001"):
        return "its first part, up to the first slash, cannot come from a merge field."
    return host_problem(host)


def host_problem(host: str) -> str:
    """What is wrong with a host name on the public net; empty where nothing is."""
    name = host.rstrip(".").lower()
    if not name:
        return "it names no site."
    try:
        address = ip_address(name)
    except ValueError:
        pass
    else:
        return "" if address.is_global else "it leads into a private network, where no customer gets."
    try:
        plain = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        return "its site’s name cannot be read."
    labels = plain.split(".")
    if _NUMBERS.fullmatch(plain):
        return "its site is a number that different programs read differently."
    if plain in _OWN_NETWORK or plain.endswith(tuple(f".{end}" for end in _OWN_NETWORK)):
        return "it leads into a private network, where no customer gets."
    if len(labels) < 2 or len(plain) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return "its site’s name is none: somebody.com, for example."
    if any(plain == name or plain.endswith(f".{name}") for name in SHORTENERS):
        return "it is a public shortener’s, and carriers hold such texts back. Name the page: we shorten it."
    return ""
