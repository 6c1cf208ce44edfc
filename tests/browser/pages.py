"""Every page of the product, by the name of its URL: what is looked at, in which company.

The list is that of `tests/architecture/url_rules.py`, so a new page is checked without a word here. Only what
answers GET and is no page of its own is named below, and pages worth seeing with a query.
"""

from dataclasses import dataclass
from functools import cache

from django.urls import reverse

from tests.architecture.test_access import URLS
from tests.architecture.url_rules import RULES
from tests.browser.company import Company

NO_PAGES = {
    "analytics:download_file", "analytics:report_file", "audiences:import_file",  # files
    "conversations:recording",  # a sound, from the provider
    "conversations:media", "conversations:attachment",  # shown without scripts: nothing could be asked of one
    "healthz", "readyz", "metrics", "short-link-proof",  # for machines
    "short-link",  # leads elsewhere; what it says of links that lead nowhere is in test_links.py
    "campaigns:message_email", "campaigns:design_email", "campaigns:launch_email",  # an email, no page
    "audiences:saved_count", "conversations:waiting", "conversations:fields",  # parts of a page
    "campaigns:book_windows", "campaigns:messages_lacking", "campaigns:message", "campaigns:editor_email",
    "campaigns:walkthrough_email",  # an email, no page
    "campaigns:export_workflow",
    "campaigns:new_workflow", "campaigns:import_workflow",  # lead to the list, with what begins one opened
}  # fmt: skip
FULL, EMPTY = "full", "empty"
VARIANTS: dict[str, tuple[str, ...]] = {
    "analytics:campaign": (
        "?tab=table",
        "?tab=records",
        "?tab=log",
        "?tab=funnel",
        "?tab=links",
        "?tab=settings",
    ),
    "audiences:contacts": ("?q=Zürcher", "?q=nobody+at+all"),
    "campaigns:list": ("?status=active", "?q=nothing+like+it"),
    "conversations:inbox": ("?folder=all", "?folder=opted_out"),
}
"""By URL name: queries that show something else."""
NEEDED = {"analytics:sending_rows": "?figure=entries"}
"""By URL name: queries without which there is no page."""
OTHER_ROWS = {
    "conversations:thread": ("opted-out thread",),
    "calls:person": ("waiting call", "talking call", "ended call", "ending call", "script call"),
}
"""By URL name: further rows of the full company."""


@dataclass(frozen=True)
class Visit:
    """A page in one company: the full one or the empty one."""

    name: str
    state: str
    query: str = ""
    row: str = ""  # key of the company's rows, instead of the rule's

    def __str__(self) -> str:
        return f"{self.name}-{self.state}{self.query}{self.row and '-' + self.row}"

    @property
    def public(self) -> bool:
        """Whether it is looked at by somebody who is not signed in."""
        return RULES[self.name].public

    def path(self, company: Company) -> str:
        """Its address there."""
        key = self.row or RULES[self.name].arg
        if not key:
            return reverse(self.name) + self.query
        pattern = URLS[self.name].pattern
        value = company.argument(key)
        names = list(pattern.converters or pattern.regex.groupindex)
        return reverse(self.name, kwargs=value if isinstance(value, dict) else {names[0]: value}) + self.query


@cache
def visits() -> tuple[Visit, ...]:
    """Every page, full and empty, with its variants."""
    found = []
    for name, rule in sorted(RULES.items()):
        if name not in URLS or "GET" not in rule.methods or name in NO_PAGES:
            continue
        if rule.public:
            found.append(Visit(name, EMPTY))
            continue
        query = NEEDED.get(name, "")
        found += [Visit(name, FULL, query), Visit(name, EMPTY, query)]
        found += [Visit(name, FULL, other) for other in VARIANTS.get(name, ())]
        found += [Visit(name, FULL, row=row) for row in OTHER_ROWS.get(name, ())]
    return tuple(found)


def live_visits() -> tuple[Visit, ...]:
    """The pages that refresh themselves."""
    names = (
        "analytics:dashboard", "analytics:campaign", "campaigns:list", "conversations:inbox",
        "conversations:thread", "calls:queue", "calls:person",
    )  # fmt: skip
    return tuple(Visit(name, FULL) for name in names)


WHOLE = tuple(visit for visit in visits() if visit.state == FULL and not visit.query and not visit.public)
"""One visit of every page that people sign in for."""
