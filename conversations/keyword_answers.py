"""What a customer's STOP, START or HELP is answered with, where the provider has not answered already.

Twilio answers its own whole-message keywords, and whatever it names an `OptOutType`. Wishes in other words it
does not know: their one confirmation is ours (47 CFR 64.1200(a)(12): within five minutes, no advertising).
"""

from datetime import datetime

from audiences import suppression
from audiences.models import OptOut
from audiences.suppression import ANSWER_WITHOUT_HOURS, CONFIRM_WITHIN
from common.phone import display_phone
from conversations import automatic_lane, reading
from conversations.automatic_lane import CONFIRMS
from conversations.models import Message, Thread
from conversations.reader.keywords import CARRIER_WORDS

OPTED_OUT = "You're opted out of texts from {company}. No more will be sent. Reply START to get them again."
BACK_AGAIN = "You'll get texts from {company} again. Reply HELP for help, STOP to opt out."
HELP = "{company}: help at {phone}. Reply STOP to opt out."
HELP_WORDS = frozenset({"help", "info"})


def confirm_opt_out(message: Message, wish: OptOut, *, now: datetime) -> Message | None:
    """Confirm the opt-out that this text made, once for ever; None where the provider does it."""
    if _provider_answers(message.body or "", message.reading.rule):
        return None
    words = OPTED_OUT.format(company=message.account.name)
    return automatic_lane.answer(
        message, words, origin=f"{CONFIRMS}{wish.pk}", now=now, send_by=wish.at + CONFIRM_WITHIN
    )


def welcome_back(message: Message, wish: OptOut, *, opt_out_type: str, now: datetime) -> Message | None:
    """Say that texts come again, where the provider held no block and so says nothing by itself."""
    theirs = wish.source != OptOut.Source.TEXT or _provider_answers(
        wish.evidence, wish.detector.rpartition("/")[2]
    )
    if theirs or opt_out_type:
        return None
    words = BACK_AGAIN.format(company=message.account.name)
    return automatic_lane.answer(
        message, words, origin=f"welcome:{wish.pk}", now=now, send_by=now + ANSWER_WITHOUT_HOURS
    )


def _provider_answers(body: str, rule: str) -> bool:
    """Whether the provider knew this text for an opt-out: nothing but one of its words, in any case.

    Where it was more generous than that, it refuses our text by the block it then holds (21610).
    """
    return rule == "provider" or body.strip().lower() in CARRIER_WORDS


def asks_for_help(body: str) -> bool:
    """Whether the whole text is HELP or INFO."""
    return reading.normalise(body).replace(" ", "").rstrip("?") in HELP_WORDS


def help_them(message: Message, thread: Thread, *, opt_out_type: str, now: datetime) -> Message | None:
    """Say who we are and how to stop, once a thread and day of the account.

    None where the provider did, and where an opt-out is in force: nothing goes to that phone.
    """
    if opt_out_type or not asks_for_help(message.body or "") or suppression.in_force([message.address_id]):
        return None
    number = message.number or thread.number
    if number is None:
        return None
    words = HELP.format(company=message.account.name, phone=display_phone(number.e164))
    today = now.astimezone(message.account.zone).date()
    return automatic_lane.answer(
        message, words, origin=f"help:{thread.pk}:{today}", now=now, send_by=now + ANSWER_WITHOUT_HOURS
    )
