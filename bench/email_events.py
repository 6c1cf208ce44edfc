"""News of emails: batches taken in by the real web server, verified and stored, then applied by the drain.

The baseline is the naive receiver: it verifies a batch, too, then handles its events one by one through the
ORM, each in a transaction of its own.
"""

import base64
import http.client
import json
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction

from bench.contractor import LAUNCHED, Contractor, uncounted
from bench.emails import EDGES, NODES, give_mailboxes
from bench.events import web_process
from bench.measurement import Measurement
from campaigns import engine, enrolling
from common import clock, sql
from conversations import mail_events
from conversations.delivery import RANK
from conversations.models import Attempt, Message
from integrations.models import Connection, ProviderEvent
from integrations.models.provider_event import month_of
from integrations.sendgrid import events as sendgrid
from integrations.sendgrid import signatures

EMAILS = 10_000  # each is processed, and then delivered or, one in fifty, bounced
BATCH = 1_000
NAIVE = 2_000  # events that the naive way handles
ROUNDS = 3
PATH = "/webhooks/sendgrid/events"
Told = list[dict[str, Any]]
_ACCEPTED = """
    update conversations_message set state = 'accepted', state_at = %(now)s, accepted_at = %(now)s,
        claimed_at = null, subject = 'Hello', body = 'Hello, Bench Heating here.', due_at = null,
        variables = null, code = '', reason = '', provider_id = 'req' || id %% 10 || '.' || id
"""


class Signer:
    """Signs batches as SendGrid does."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public = base64.b64encode(der).decode()

    def headers(self, body: bytes) -> dict[str, str]:
        """What goes with a body."""
        stamp = str(int(clock.now().timestamp()))
        signature = self._key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            signatures.SIGNATURE: base64.b64encode(signature).decode(), signatures.TIMESTAMP: stamp,
            "Content-Type": "application/json",
        }  # fmt: skip


def email_events(emails: int = EMAILS, naive: int = NAIVE, rounds: int = ROUNDS) -> Measurement:
    """Events a second, from the first byte of the first batch to the last email moved."""
    clock.set_offset(LAUNCHED - datetime.now(UTC))
    signer = Signer()
    _taken_emails(emails, signer)
    told = _told()
    ours: list[float] = []
    theirs: list[float] = []
    with web_process() as server:
        for _ in range(rounds):
            _forget()
            fresh = _fresh(told)
            began = time.perf_counter()
            _post(server.port, signer, fresh)
            stored = time.perf_counter()
            while mail_events.drain(600):
                pass
            ended = time.perf_counter()
            ours.append(len(fresh) / (ended - began))
            _check(len(fresh))
            print(
                f"email_events: stored {len(fresh) / (stored - began):.0f}/s,"
                f" applied {len(fresh) / (ended - stored):.0f}/s",
                file=sys.stderr,
            )
            _forget()
            some = _fresh(told)[:naive]
            began = time.perf_counter()
            _naive(signer, some)
            theirs.append(len(some) / (time.perf_counter() - began))
    rate, baseline = median(ours), median(theirs)
    return Measurement(
        "email_events", len(told), rate, "events/s", "each handled alone through the ORM", baseline,
        rate / baseline,
    )  # fmt: skip


def _taken_emails(emails: int, signer: Signer) -> None:
    """A campaign whose emails SendGrid has taken."""
    contractor = Contractor(emails, nodes=NODES, edges=EDGES, rate=100_000)
    give_mailboxes(contractor.account, "http://127.0.0.1:9", "SG.bench")
    Connection.objects.filter(provider="sendgrid").update(settings={signatures.KEY: signer.public})
    enrolling.enroll(contractor.campaign(), now=clock.now())
    while engine.run_round(now=clock.now()):
        pass
    sql.run(
        "insert into conversations_attempt (id, message_id, try_number, state, started_at, ended_at, code)"
        " select gen_random_uuid(), id, 1, 'accepted', %(now)s, %(now)s, '' from conversations_message",
        {"now": clock.now()},
    )
    _forget()
    sql.run(
        "update campaigns_step set state = 'completed', state_at = %s where message_id is not null",
        [clock.now()],
    )


def _forget() -> None:
    """Every email as it was when SendGrid took it, and no event."""
    with uncounted():
        sql.run(_ACCEPTED, {"now": clock.now()})
    sql.run("update audiences_address set unreachable_since = null")
    sql.run("truncate integrations_providerevent")
    sql.run("vacuum analyze conversations_message")


def _told() -> Told:
    """Two events of each email, neighbours mixed, as they would be told."""
    found = sql.rows(
        "select a.id::text, m.provider_id, d.value from conversations_attempt a"
        " join conversations_message m on m.id = a.message_id"
        " join audiences_address d on d.id = m.address_id order by m.id"
    )
    stamp, told = int(clock.now().timestamp()), Told()
    for start in range(0, len(found), BATCH // 2):
        some = found[start : start + BATCH // 2]
        for second in (False, True):
            for number, (attempt, request, mailbox) in enumerate(some):
                more: dict[str, Any] = {"event": "processed"}
                if second:
                    more = {"event": "delivered", "response": "250 2.0.0 OK", "tls": 1}
                if second and number % 50 == 0:
                    more = {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 Unknown"}
                told.append(
                    {
                        "email": mailbox, "timestamp": stamp, "attempt": attempt,
                        "sg_message_id": f"{request}.recvd-5f-1", "smtp-id": f"<{attempt}@bench.example>",
                        "category": ["campaign"], **more,
                    }
                )  # fmt: skip
    return told


def _fresh(told: Told) -> Told:
    """The same news as if it had never come."""
    return [{**event, "sg_event_id": uuid.uuid4().hex} for event in told]


def _post(port: int, signer: Signer, told: Sequence[dict[str, Any]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for start in range(0, len(told), BATCH):
        body = json.dumps(told[start : start + BATCH]).encode() + b"\r\n"
        connection.request("POST", PATH, body, signer.headers(body))
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204:
            raise SystemExit(f"{PATH}: {answer.status}")
    connection.close()


def _check(events: int) -> None:
    """All of it was applied."""
    applied = ProviderEvent.objects.filter(outcome="applied").count()
    still = Message.objects.exclude(state__in=["delivered", "bounced"]).count()
    if (applied, still) != (events, 0):
        raise SystemExit(f"{applied} of {events} events applied, {still} emails not moved")


def _naive(signer: Signer, told: Sequence[dict[str, Any]]) -> None:
    key = Connection.objects.get(provider="sendgrid").settings[signatures.KEY]
    for start in range(0, len(told), BATCH):
        body = json.dumps(told[start : start + BATCH]).encode()
        headers = signer.headers(body)
        if not signatures.verify(body, headers[signatures.SIGNATURE], headers[signatures.TIMESTAMP], key):
            raise SystemExit("the signature does not hold")
        for event in json.loads(body):
            _handle(event)


@transaction.atomic
def _handle(event: dict[str, Any]) -> None:
    now = clock.now()
    stored, new = ProviderEvent.objects.get_or_create(
        provider="sendgrid", event_id=event["sg_event_id"], month=month_of(now),
        defaults={"kind": ProviderEvent.Kind.MAIL_EVENT, "payload": event},
    )  # fmt: skip
    if not new:
        return
    code = sendgrid.code_of(event["event"], type_=event.get("type", ""), reason=event.get("reason", ""))
    verdict = sendgrid.verdict_of(code)
    attempt = Attempt.objects.get(pk=event["attempt"])
    message = Message.objects.select_for_update(no_key=True).get(pk=attempt.message_id)
    if verdict.state and RANK[message.state] < RANK[verdict.state.value]:
        message.state, message.state_at, message.code = verdict.state.value, now, code
        message.save(update_fields=["state", "state_at", "code"])
    if verdict.consequence == sendgrid.Consequence.SUPPRESS:
        message.address.unreachable_since, message.address.unreachable_reason = now, verdict.meaning
        message.address.save(update_fields=["unreachable_since", "unreachable_reason"])
    stored.applied_at, stored.outcome = now, "applied"
    stored.save(update_fields=["applied_at", "outcome"])
