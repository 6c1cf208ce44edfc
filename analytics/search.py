"""One search for the whole product: contacts, campaigns, conversations, audiences and workflows.

Each kind gives its first few; a page of its own lists the rest. Every query is bounded by the account.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse

from accounts.models import Account
from audiences import contact_pages, contact_search
from audiences.models import Audience, Contact
from campaigns.models import Campaign, Workflow
from common.phone import display_phone
from conversations import inbox
from conversations.models import Thread

MOST = 6
LONGEST = 100
SHORTEST = 2  # one letter finds half of everybody


@dataclass(frozen=True)
class Hit:
    """One thing found: where it is, what it is called, and what tells it from others of its name."""

    url: str
    title: str
    note: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of one kind; `more` leads to the page that lists all of it; blank: this is all."""

    name: str
    label: str
    icon: str
    hits: list[Hit]
    all_of_them: str
    more: str = ""
    marks: str = ""  # what to mark in the hits; blank: what was typed


def wanted(text: str) -> str:
    """What somebody typed, without needless blanks and of bearable length."""
    return " ".join(text.split())[:LONGEST]


def find(account: Account, words: str, *, threads: bool) -> list[Group]:
    """What answers to these words; `threads` says whether conversations are sought, too."""
    if len(words) < SHORTEST:
        return []
    groups = [_contacts(account, words), _campaigns(account, words)]
    if threads:
        groups.append(_threads(account, words))
    groups += [_audiences(account, words), _workflows(account, words)]
    return [group for group in groups if group.hits]


def _contacts(account: Account, words: str) -> Group:
    """Whoever answers, with the number by which they were found and where they live."""
    found = contact_search.find(account, words, most=MOST + 1)
    people = Contact.objects.filter(account=account).prefetch_related(
        Prefetch("contact_addresses", queryset=contact_pages.links())
    )
    known = people.in_bulk([hit.contact_id for hit in found.hits])
    hits = [_person(known[hit.contact_id], hit.by, words) for hit in found.hits if hit.contact_id in known]
    group = _group("contacts", "Contacts", "users", hits, _page("audiences:contacts", q=words))
    return replace(group, marks=" ".join([words, *found.meant]))


def direct(account: Account, words: str) -> str:
    """The address of the one contact whose whole phone or job number this is; blank where there is none."""
    pk = contact_search.find(account, words, most=MOST).direct
    return reverse("audiences:contact", args=[pk]) if pk else ""


def _person(contact: Contact, by: str, words: str) -> Hit:
    """A line: the number found, of the addresses the one that was sought, else the first; then the place."""
    links: list[Any] = list(contact.contact_addresses.all())
    values = [link.address.value for link in links]
    part = _address_part(words)
    sought = (value for value in values if part and part.lower() in value.lower())
    value = next(sought, values[0] if values else "")
    place = ", ".join(filter(None, (contact.street, contact.city)))
    note = " · ".join(filter(None, (by, _shown(value), place)))
    warning = "Opted out" if any(link.address.in_force for link in links) else ""
    if not warning and not contact.active:
        warning = "Inactive"
    return Hit(reverse("audiences:contact", args=[contact.pk]), contact.name, note, warning)


def _campaigns(account: Account, words: str) -> Group:
    found = Campaign.objects.filter(account=account).filter(_named("name", words))
    hits = (
        Hit(reverse("analytics:campaign", args=[each.pk]), each.name, each.get_status_display())
        for each in found.order_by("-launched_at", "-pk")[: MOST + 1]
    )
    return _group("campaigns", "Campaigns", "megaphone", hits, _page("campaigns:list", q=words))


def _threads(account: Account, words: str) -> Group:
    found = inbox.sought(Thread.objects.filter(account=account), inbox.searched(account, words))
    hits = (
        Hit(
            reverse("conversations:thread", args=[each.pk]),
            each.contact.name,
            _shown(each.address.value) + (" · needs a reply" if each.needs_reply else ""),
        )
        for each in found.select_related("contact", "address").order_by("-last_message_at", "-pk")[: MOST + 1]
    )
    return _group(
        "threads",
        "Conversations",
        "message-square",
        hits,
        _page("conversations:inbox", folder="all", q=words),
    )


def _audiences(account: Account, words: str) -> Group:
    found = Audience.objects.filter(account=account).filter(_named("name", words)).order_by("name", "pk")
    hits = (Hit(reverse("audiences:edit", args=[each.pk]), each.name) for each in found[: MOST + 1])
    return _group("audiences", "Audiences", "list-filter", hits, reverse("audiences:list"), narrowed=False)


def _workflows(account: Account, words: str) -> Group:
    found = _latest(Workflow.objects.filter(account=account).filter(_named("name", words)))
    hits = (
        Hit(reverse("campaigns:workflow_version", args=[version]), name, f"version {number}")
        for version, name, number in found[: MOST + 1]
    )
    return _group("workflows", "Workflows", "workflow", hits, reverse("campaigns:workflows"), narrowed=False)


def _latest(workflows: QuerySet[Workflow]) -> Any:
    """Id, name and number of each workflow's newest version."""
    newest = workflows.filter(versions__isnull=False).order_by("pk", "-versions__number").distinct("pk")
    rows = newest.values_list("versions__pk", "name", "versions__number")
    return sorted(rows, key=lambda row: (row[1].lower(), row[0]))


def _group(
    name: str, label: str, icon: str, hits: Iterable[Hit], more: str, *, narrowed: bool = True
) -> Group:
    found = list(islice(hits, MOST + 1))
    said = f"Show all {label.lower()}{' that match' if narrowed else ''}"
    return Group(name, label, icon, found[:MOST], said, more if len(found) > MOST else "")


def _named(field: str, words: str) -> Q:
    """Every word is somewhere in the name."""
    found = Q()
    for word in words.split():
        found &= Q(**{f"{field}__icontains": word})
    return found


def _address_part(words: str) -> str:
    """What to seek in phones and mailboxes: digits of a number, or a word; blank where it is neither."""
    digits = re.sub(r"\D", "", words)
    if not re.search(r"[A-Za-z@]", words):
        return digits if len(digits) >= 3 else ""
    return words if " " not in words and len(words) >= 3 else ""


def _shown(value: str) -> str:
    return display_phone(value) if value.startswith("+") else value


def _page(name: str, **query: str) -> str:
    return f"{reverse(name)}?{urlencode(query)}"
