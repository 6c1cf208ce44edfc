"""Each short link of a campaign with what it came to, and the messages behind those figures.

Columns are `linked:<link>`, `clicks:<link>` and `machines:<link>`; the triggers in `sql/` keep them.
"""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from analytics import counters
from analytics.metrics.rate import Rate
from campaigns import destinations
from campaigns.models import Campaign, LinkCode, TrackedLink
from conversations.models import Message

TITLES = {
    "linked": ("Sent with this link", "Texts and emails with this link that the provider accepted."),
    "clicks": ("People who followed this link", "Messages whose link a person followed, each once."),
    "machines": (
        "Opened by machines",
        "Messages whose link a scanner or a link preview opened. They are not counted as people; whoever "
        "followed it as well is.",
    ),
}
_WHICH = {
    "linked": Q(step__message__accepted_at__isnull=False, step__message__carries_link=True),
    "clicks": Q(clicked_at__isnull=False),
    "machines": Q(machine_at__isnull=False),
}


@dataclass(frozen=True)
class LinkLine:
    """One link as it was written: at which node, where it leads, and its figures, of one instant."""

    pk: int
    node_key: str
    node: str
    destination: str
    sent: int
    people: int
    machines: int
    finding: str  # what is wrong with the page it leads to; empty: it answers, or nobody has asked yet

    @property
    def site(self) -> str:
        """The host, which people know it by."""
        return self.destination.partition("://")[2].partition("/")[0].partition("?")[0]

    @property
    def path(self) -> str:
        """What follows the host."""
        return self.destination.partition("://")[2].removeprefix(self.site)

    @property
    def rate(self) -> Rate:
        """People ÷ sent with it."""
        return Rate(self.people, self.sent)


def of_campaign(campaign: Campaign, found: Counter[counters.Cell], names: dict[str, str]) -> list[LinkLine]:
    """The links of a campaign by node and place, with their figures as read by `counters.totals`; `names` are
    those of its nodes by key."""
    places = {key: place for place, key in enumerate(names)}
    links = list(TrackedLink.objects.filter(campaign=campaign, trap=False).order_by("position", "pk"))
    links.sort(key=lambda link: places.get(link.node_key, len(places)))

    wrong = destinations.findings(campaign.account, [link.url for link in links])

    def figure(link: TrackedLink, column: str) -> int:
        return found[campaign.pk, link.node_key, f"{column}:{link.pk}"]

    return [
        LinkLine(
            link.pk, link.node_key, names.get(link.node_key, link.node_key), link.url,
            figure(link, "linked"), figure(link, "clicks"), figure(link, "machines"),
            wrong.get(link.url, ""),
        )
        for link in links
    ]  # fmt: skip


def of_column(column: str) -> tuple[str, int] | None:
    """The figure and the link that a column names; None for another column."""
    name, _, number = column.partition(":")
    if name not in TITLES or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return name, int(number)


def link_of(campaign: Campaign, column: str) -> TrackedLink | None:
    """The campaign's link that a column names."""
    asked = of_column(column)
    links = TrackedLink.objects.filter(campaign=campaign, trap=False)
    return links.filter(pk=asked[1]).first() if asked else None


def messages(campaign: Campaign, column: str) -> QuerySet[Message] | None:
    """The messages behind a figure of one link, newest first; None where the column names none."""
    asked = of_column(column)
    link = link_of(campaign, column)
    if asked is None or link is None:
        return None
    codes = LinkCode.objects.filter(_WHICH[asked[0]], link=link).order_by()
    return Message.objects.filter(step__linkcode__in=codes).order_by("-accepted_at", "-pk")
