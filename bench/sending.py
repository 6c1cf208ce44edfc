"""Sending: one sender process against a bare loop of the same client, at a provider that takes 50 ms."""

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median

from django.db import connection

from bench.contractor import LAUNCHED, Contractor
from bench.measurement import Measurement
from campaigns import engine, enrolling
from common import clock
from conversations import sender
from conversations.models import Message
from integrations.messaging import OutgoingText
from integrations.twilio.client import TwilioAccess, TwilioPool

TEXTS = 12_000  # some seconds of it: a sender takes a tenth of one to begin, and another to end
CONCURRENCY = 200
ROUNDS = 3
BODY = "Hi {{ first_name }}, {{ company }} here. Reply STOP to opt out."
NODES = [("text", "send_sms", "Text", {"body": BODY}), ("done", "end", "Done", {})]
EDGES = [("text", "next", "done")]


def sending_vs_loop(texts: int = TEXTS, rounds: int = ROUNDS) -> Measurement:
    """Texts a second from queue to recorded receipt: lease, claim under locks with the gate, call, record.

    The baseline calls the same provider with the same client and as many at once, and keeps nothing.
    """
    clock.set_offset(LAUNCHED - datetime.now(UTC))
    ours, bare = [], []
    with provider() as base_url:
        contractor = Contractor(texts, nodes=NODES, edges=EDGES, base_url=base_url, rate=100_000)
        for _ in range(rounds):
            campaign = contractor.campaign()
            enrolling.enroll(campaign, now=clock.now())
            while engine.run_round(now=clock.now()):
                pass
            with connection.cursor() as cursor:
                cursor.execute("vacuum analyze")
            began = time.perf_counter()
            waiting = Message.objects.filter(lane=campaign.lane_id, state="queued")
            while waiting.exists():  # a busy machine lets claims grow too old; they come back a second later
                sender.run(600, concurrency=CONCURRENCY, until_idle=True)
            ours.append(time.perf_counter() - began)
            sent = Message.objects.filter(lane=campaign.lane_id, state="accepted").count()
            if sent != texts:
                raise SystemExit(f"{sent} were accepted, not {texts}")
            Message.objects.update(accepted_at="2020-01-01T00:00:00Z")  # or caps would hold the next round
            began = time.perf_counter()
            asyncio.run(_bare(TwilioAccess("ACbench", "secret", base_url), texts))
            bare.append(time.perf_counter() - began)
    print(f"sending_vs_loop: {_seconds(ours)} s ours, {_seconds(bare)} s bare", file=sys.stderr)
    rate, baseline = texts / median(ours), texts / median(bare)
    return Measurement(
        "sending_vs_loop", texts, rate, "texts/s", f"the same client, {CONCURRENCY} at once, nothing kept",
        baseline, rate / baseline,
    )  # fmt: skip


async def _bare(access: TwilioAccess, texts: int) -> None:
    left = iter(range(texts))
    async with TwilioPool(CONCURRENCY) as pool:
        client = pool.client(access)

        async def work() -> None:
            for number in left:
                text = OutgoingText(
                    attempt_id=uuid.uuid4(), to=f"+1312{number:07}", from_="+17735550100",
                    body="Hi Pat, Bench Heating here. Reply STOP to opt out.",
                    status_callback="http://127.0.0.1:9/webhooks/x", validity_seconds=600,
                )  # fmt: skip
                await client.send_text(text, not_after=time.monotonic() + 60)

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


@contextmanager
def provider() -> Iterator[str]:
    """A stub provider of its own process; its base URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.stub_provider"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def _seconds(taken: list[float]) -> str:
    return ", ".join(f"{seconds:.1f}" for seconds in taken)
