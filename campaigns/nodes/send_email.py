from datetime import datetime
from typing import Any

from pydantic import Field

from audiences import fitness
from audiences.merge_fields import FIELDS
from campaigns import links, units
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, Outcome, Row, Settings, State
from campaigns.nodes.email_parts import LABELS, LONGEST_LABEL, LONGEST_LINE, EmailParts
from campaigns.nodes.sending import Sending, campaign_of, fields_of, source
from common import sql
from conversations import outbound, rendering
from integrations.models import SendingMailbox

PACE_SECONDS = 10
LONGEST_SUBJECT, LONGEST_BODY = 200, 5_000  # characters
NO_ADDRESS, NO_SENDER = "no_address", "no_email_sender"
_CONTACT = "JOIN audiences_contact c ON c.id = e.contact_id"
_MAILBOX = f"JOIN LATERAL ({fitness.FIRST_MAILBOX_SQL}) a ON TRUE"


class SpanishEmail(Settings):
    """The words for those who are written to in Spanish; design and address of the button are the English
    email's."""

    subject: str = Field(min_length=1, max_length=LONGEST_SUBJECT)
    body: str = Field(min_length=1, max_length=LONGEST_BODY)
    heading: str = Field("", max_length=LONGEST_LINE)
    preheader: str = Field("", max_length=LONGEST_LINE)
    button_label: str = Field("", max_length=LONGEST_LABEL)

    def content(self) -> dict[str, str]:
        """As they stand under `es` in `MessageTemplate.content`."""
        return {name: words for name, words in self.model_dump().items() if words}


class SendEmailSettings(EmailParts):
    """Subject and plain text, with merge fields, and what its design shows besides; without Spanish words
    everybody gets the English."""

    subject: str = Field(min_length=1, max_length=LONGEST_SUBJECT)
    body: str = Field(min_length=1, max_length=LONGEST_BODY)
    spanish: SpanishEmail | None = None
    utm: bool = Field(default=True, description="Add to its links what web analytics reads")

    def content(self) -> dict[str, Any]:
        """What the words have beside the English subject and body (`MessageTemplate.content`)."""
        return self.parts() | ({"es": self.spanish.content()} if self.spanish else {})

    def words(self) -> list[tuple[str, str]]:
        """Subject and text, and all that is said in Spanish: (what it is called, words)."""
        said = self.spanish.content() if self.spanish else {}
        spanish = [(f"Spanish {LABELS.get(name, name).lower()}", words) for name, words in said.items()]
        return [("Subject", self.subject), ("", self.body), *spanish]


class SendEmail(Sending):
    """Emails the contact at their first mailbox that takes mail, as it is when the step's turn comes.

    The message keeps that mailbox. Who has none is skipped as `no_address`. Emails keep no hours.
    """

    kind = "send_email"
    settings_model = SendEmailSettings

    def problems(self, node: GraphNode) -> list[str]:
        """Subject and text must be readable and name merge fields that exist; a subject is one line."""
        problems = super().problems(node)
        if problems:
            return problems
        settings = self.settings(node)
        for language, email in (("", settings), ("Spanish: ", settings.spanish)):
            if email and not (email.subject.strip() and email.body.strip()):
                return [f"{language}An email needs a subject and a text."]
            if email and "\n" in email.subject.strip():
                problems.append(f"{language}The subject is one line: take the line breaks out of it.")
        for name, words in settings.words():
            found = rendering.problems(words, FIELDS)
            problems += [f"{name}: {problem}" if name else problem for problem in found]
        wrong = settings.part_problems(FIELDS).items()
        problems += [f"{LABELS[name]}: {problem}" for name, found in wrong for problem in found]
        texts = [settings.body, *([settings.spanish.body] if settings.spanish else [])]
        return problems + links.problems(texts, [settings.button_url.strip()])

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """At most what the campaign's mailbox can send in 10 s, less what is queued in the lane already.

        Fewer seconds than of texts, among which the sender looks for its own.
        """
        campaign = campaign_of(campaign_id)
        mailbox = _sender(campaign)
        if mailbox is None:
            return batch_limit
        room = mailbox.emails_per_second * PACE_SECONDS
        room -= outbound.waiting_emails(campaign.lane_id or 0, room, now=now)
        return max(0, min(batch_limit, room))

    def _leave(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> list[Outcome]:
        """One email for every row whose contact has a mailbox."""
        nowhere = _without_mailbox(rows)
        outcomes = [
            Outcome([row for row in rows if row.step_id in nowhere], State.SKIPPED, reason=NO_ADDRESS)
        ]
        rest = [row for row in rows if row.step_id not in nowhere]
        sender = _sender(campaign)
        if not rest or sender is None:
            return [*outcomes, Outcome(rest, State.FAILED, reason=NO_SENDER)]
        settings = self.settings(batch.node)
        linked = links.in_words(
            campaign, batch.node.key, now=batch.now, body=settings.body, subject=settings.subject,
            content=settings.content(), medium="email", utm=settings.utm,
        )  # fmt: skip
        emails = outbound.queueing_emails(
            # Whoever has lost theirs in between gets no message: their step stays due, and is asked again.
            source(campaign, rest, fields_of(linked), address="a.id", joins=_MAILBOX, linked=linked),
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            mailbox_id=sender.pk,
            template_id=outbound.template(campaign.account, linked.body, linked.subject, linked.content).pk,
            now=batch.now,
            carries_link=bool(linked.links),
        )
        return [*outcomes, Outcome(rest, State.QUEUED, texts=emails)]


def _sender(campaign: Campaign) -> SendingMailbox | None:
    """What a campaign's emails leave from: the mailbox of the unit it is about, else the account's."""
    return units.mailbox(campaign.account_id, campaign.targeting, campaign.audience_rules)


def _without_mailbox(rows: list[Row]) -> set[int]:
    """Those of these steps whose contact has no mailbox that is known to be theirs."""
    found = sql.column(
        f"""
        SELECT s.id FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id {_CONTACT}
        WHERE s.id = ANY(%s::bigint[]) AND NOT EXISTS ({fitness.FIRST_MAILBOX_SQL})
        """,
        [sql.array(row.step_id for row in rows)],
    )
    return set(found)
