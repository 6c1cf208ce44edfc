from datetime import datetime

from pydantic import Field

from audiences import fitness
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, Outcome, Row, Settings, State
from campaigns.nodes.sending import Sending, campaign_of, source
from campaigns.snapshots import MERGE_FIELDS
from common import sql
from conversations import outbound, rendering
from integrations.models import SendingMailbox

PACE_SECONDS = 10
LONGEST_SUBJECT, LONGEST_BODY = 200, 5_000  # characters
NO_ADDRESS, NO_SENDER = "no_address", "no_email_sender"
_CONTACT = "JOIN audiences_contact c ON c.id = e.contact_id"
_MAILBOX = f"{_CONTACT} JOIN LATERAL ({fitness.FIRST_MAILBOX_SQL}) a ON TRUE"


class SendEmailSettings(Settings):
    """Subject and plain text, with merge fields."""

    subject: str = Field(min_length=1, max_length=LONGEST_SUBJECT)
    body: str = Field(min_length=1, max_length=LONGEST_BODY)


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
        if not settings.subject.strip() or not settings.body.strip():
            return ["An email needs a subject and a text."]
        if "\n" in settings.subject.strip():
            problems.append("The subject is one line: take the line breaks out of it.")
        return (
            problems
            + [f"Subject: {problem}" for problem in rendering.problems(settings.subject, MERGE_FIELDS)]
            + rendering.problems(settings.body, MERGE_FIELDS)
        )

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """At most what the account's mailbox can send in 10 s, less what is queued in the lane already.

        Fewer seconds than of texts, among which the sender looks for its own.
        """
        campaign = campaign_of(campaign_id)
        mailbox = SendingMailbox.objects.of(campaign.account_id)
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
        sender = SendingMailbox.objects.of(batch.account_id)
        if not rest or sender is None:
            return [*outcomes, Outcome(rest, State.FAILED, reason=NO_SENDER)]
        settings = self.settings(batch.node)
        fields = sorted({*rendering.fields(settings.subject), *rendering.fields(settings.body)})
        emails = outbound.queueing_emails(
            # Whoever has lost theirs in between gets no message: their step stays due, and is asked again.
            source(campaign, rest, fields, address="a.id", joins=_MAILBOX),
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            mailbox_id=sender.pk,
            template_id=outbound.template(campaign.account, settings.body, settings.subject).pk,
            now=batch.now,
        )
        return [*outcomes, Outcome(rest, State.QUEUED, texts=emails)]


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
