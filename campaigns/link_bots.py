"""Machines that follow links: what their requests say of themselves. What only time shows is found later
(`campaigns/click_judging.py`).

Previews are fetched by the phone or app that shows a card below the text; scanners by mail gateways and
crawlers. Both name themselves as a rule. In-app browsers (FBAN, Instagram, Line) are people.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from campaigns.models import Click

PREVIEWS = re.compile(
    r"facebookexternalhit|facebot|meta-externalagent|twitterbot|whatsapp/|telegrambot|slack-?(bot|imgproxy)"
    r"|discordbot|linkedinbot|skypeuripreview|pinterestbot|redditbot|iframely|embedly|url preview|bingpreview"
    r"|google-pagerenderer|google-?messages|vkshare|kakaotalk-scrap|linespider|applebot|preview(bot)?\b|unfurl",
    re.IGNORECASE,
)
# Cubot makes phones.
SCANNERS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|scan(ner)?\b|fetch(er)?/|monitor|headless|phantomjs|puppeteer|playwright"
    r"|selenium|curl|wget|python|urllib|aiohttp|httpx|go-http|java/|okhttp|^dalvik/|cfnetwork|libwww|httpclient"
    r"|http_request|axios|node-fetch|\bnode\b|ruby/|perl/|php/|postman|insomnia|googleimageproxy|feedfetcher"
    r"|yahoomailproxy|safelinks|ms-office|msoffice|microsoft office|proofpoint|barracuda|mimecast|forcepoint"
    r"|websense|sophos|trendmicro|symantec|messagelabs|cloudmark|fireeye|trellix|zscaler|ironport|fortinet"
    r"|fortiguard|urlscan|virustotal|phishtank|netcraft|censys|nmap|lighthouse|pingdom|uptime",
    re.IGNORECASE,
)
# Networks that belong to the operators of scanners and previewers themselves: nobody browses from there.
NETWORKS = tuple(
    map(
        ip_network,
        (
            "66.249.64.0/19",  # Google's crawlers
            "66.102.0.0/20",  # Google's proxies
            "64.235.144.0/20", "209.222.80.0/21",  # Barracuda's mail gateways
            "67.231.144.0/20", "148.163.128.0/19",  # Proofpoint's
            "31.13.24.0/21", "66.220.144.0/20", "69.63.176.0/20", "69.171.224.0/19", "173.252.64.0/18",
            "2a03:2880::/32",  # Meta's
            "199.16.156.0/22", "199.59.148.0/22",  # X's
        ),
    )
)  # fmt: skip
_PREFETCH = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_HEADERS = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")


class Verdict(NamedTuple):
    """What a request is taken for; an empty kind where nothing speaks against a person."""

    kind: str
    reason: str


PERHAPS = Verdict(Click.Kind.OPEN, "")


def of_request(headers: Mapping[str, str], address: str | None) -> Verdict:
    """What headers and network say of who follows a link."""
    if any(_PREFETCH.search(headers.get(name, "")) for name in _HEADERS):
        return Verdict(Click.Kind.MACHINE, "prefetch")
    named = of_user_agent(headers.get("User-Agent", ""))
    if named.kind or address is None:
        return named
    return _of_network(address)


@lru_cache(maxsize=4096)
def of_user_agent(name: str) -> Verdict:
    """What a browser or program calls itself. One that says nothing is no browser."""
    if not name.strip():
        return Verdict(Click.Kind.MACHINE, "no_user_agent")
    if PREVIEWS.search(name):
        return Verdict(Click.Kind.PREVIEW, "preview")
    if SCANNERS.search(name):
        return Verdict(Click.Kind.MACHINE, "user_agent")
    return PERHAPS


@lru_cache(maxsize=4096)
def _of_network(address: str) -> Verdict:
    try:
        found = ip_address(address)
    except ValueError:
        return PERHAPS
    known = any(found in network for network in NETWORKS if network.version == found.version)
    return Verdict(Click.Kind.MACHINE, "network") if known else PERHAPS
