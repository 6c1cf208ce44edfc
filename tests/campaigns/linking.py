"""A campaign whose text and email carry links, for tests of what becomes of them."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from audiences.models import Contact
from campaigns import engine, enrolling, launching, link_signs
from campaigns.models import Campaign, Click, LinkCode
from common import clock
from conversations.models import Message
from tests import factories

BOOK, OFFER = "https://comfort.example/book", "https://comfort.example/offer"
TEXT = {"body": f"Hi {{{{ first_name }}}}, book at {BOOK}. Or see {OFFER} first"}
NODES = [("text", "send_sms", TEXT), ("done", "end", {})]
EDGES = [("text", "next", "done")]
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)


def launch(account: Account, nodes: Any = NODES, edges: Any = EDGES, name: str = "Fall tune-up") -> Campaign:
    """Launch these nodes to everybody of the account, and queue what they send."""
    draft = launching.Draft(
        name=name,
        version=factories.make_workflow(account, nodes, edges),
        audience=factories.make_audience(account),
        number=account.sending_numbers.get(),
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    engine.run_round(now=clock.now())
    return campaign


def make_account(people: int = 1, **fields: Any) -> tuple[Account, list[Contact]]:
    """A contractor that may text, and some customers."""
    account = factories.make_account()
    factories.make_number(account)
    return account, [
        factories.make_contact(account, factories.reserved(n), **fields) for n in range(1, people + 1)
    ]


def accept(at: datetime) -> None:
    """The provider took every queued message at `at`."""
    Message.objects.filter(state="queued").update(
        state="accepted", state_at=at, accepted_at=at, due_at=None, body="Book now"
    )


def code_of(message: Message, url: str = BOOK) -> LinkCode:
    """The recipient's code for one link."""
    return LinkCode.objects.get(step__message=message, link__url=url)


def path_of(code: LinkCode) -> str:
    """Where it is followed."""
    return f"/l/{link_signs.spell(code.pk)}"


def click(code: LinkCode, at: datetime, kind: str = "", **fields: Any) -> Click:
    """A click as it was written down when somebody followed a link."""
    made = {"user_agent": PHONE, "client": "c1", "reason": "preview" if kind else ""} | fields
    return Click.objects.create(code=code, at=at, kind=kind, **made)


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)
