"""Sending a workflow's words to oneself: by the doors and limits that all tests have."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Account, User
from audiences.models import Contact
from campaigns import said, samples, units
from campaigns.drafts import Plan
from campaigns.models import Node
from campaigns.nodes.send_email import SendEmailSettings
from common.phone import display_phone
from conversations import outbound, trial_emails, trial_texts
from conversations.emails import content, words
from conversations.trial_texts import TrialRefused
from integrations.models import SendingMailbox


def email(
    account: Account,
    settings: Mapping[str, Any],
    language: str,
    known: Mapping[str, Any],
    *,
    by: User,
    token: uuid.UUID,
    now: datetime,
    mailbox: SendingMailbox | None,
    mark: str = "",
) -> None:
    """Send an email of these settings, filled with what is known of somebody, to whoever asks; `mark` leads
    its subject. The same token twice is one. Raises TrialRefused."""
    chosen = SendEmailSettings.model_validate(settings)
    email = words.of(chosen.subject, chosen.body, chosen.content(), language)
    template = outbound.template(account, email.body, f"{mark}{email.subject}", content.of(email))
    trial_emails.send(account, template, known, by=by, token=token, now=now, mailbox=mailbox)


def first_text(plan: Plan, contact: Contact, *, phone: str, by: User, token: uuid.UUID, now: datetime) -> str:
    """Text the first words of a launch in the making, as this customer would read them, to one's own phone
    (E.164, "" for none); what to say of it. Nothing is launched. Raises TrialRefused."""
    account = plan.draft.account
    settings = samples.first(plan.chosen("workflow"), Node.Kind.SEND_SMS)
    sample = next(iter(said.texts(account, settings, [contact.pk], now=now)), None) if settings else None
    if settings is None or sample is None or sample.missing:
        raise TrialRefused(_NOT_THEIRS)
    if not phone:
        raise TrialRefused("No test was sent: write your phone, with its area code.")
    number = next(iter(plan.numbers), None)
    if number is None:
        raise TrialRefused("No test was sent: choose the number that sends it first.")
    trial_texts.send_words(account, sample.body, number=number, phone=phone, by=by, token=token, now=now)
    alone = " Pictures are not sent with tests." if settings.get("media") else ""
    return (
        f"The first text is on its way to {display_phone(phone)}, as {contact.name} would read it, marked as "
        f"a test. Nothing is launched.{alone}"
    )


def first_email(plan: Plan, contact: Contact, *, by: User, token: uuid.UUID, now: datetime) -> str:
    """As `first_text`, the first email to one's own mailbox. Raises TrialRefused."""
    account, settings = plan.draft.account, samples.first(plan.chosen("workflow"), Node.Kind.SEND_EMAIL)
    sender = units.mailbox(account.pk, plan.rules, plan.chosen("audience").rules)
    found = said.emails(account, settings, [contact.pk], now=now, sender=sender) if settings else ()
    sample = next(iter(found), None)
    if settings is None or sample is None or sample.missing:
        raise TrialRefused(_NOT_THEIRS)
    email(
        account, settings, sample.language, sample.known or {}, by=by, token=token, now=now, mailbox=sender,
        mark=trial_texts.MARK,
    )  # fmt: skip
    return (
        f"The first email is on its way to {by.email}, as {contact.name} would read it, marked as a test. "
        "Nothing is launched."
    )


_NOT_THEIRS = (
    "No test was sent: this customer would not get it any more. Look at the review again and choose another."
)
