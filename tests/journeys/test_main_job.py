"""The main job on real parts: launch, texts out, replies in, a STOP, a booking, a credited job.

The whole product as `make run` starts it, with embedded servers, workers and sandbox. What was sent is judged
by the sandbox's ledger, what was counted by `recount`.
"""

from collections import Counter
from contextlib import closing

from tests.journeys.office import Office, Phones, recount, rows
from tests.product import Product, wait_for

AUDIENCE = "West unit, maintenance members"
STANDING = """
    SELECT a.value, e.id FROM campaigns_enrollment e
    JOIN audiences_address a ON a.id = e.address_id
    JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = 'waiting'
    JOIN campaigns_node n ON n.id = s.node_id AND n.key = 'first_wait'
    JOIN conversations_message m ON m.address_id = a.id AND m.state = 'delivered'
    JOIN campaigns_campaign c ON c.id = e.campaign_id AND m.lane_id = c.lane_id
    WHERE e.campaign_id = %s AND e.state = 'active'
      AND NOT EXISTS (
        SELECT 1 FROM conversations_message other
        WHERE other.address_id = a.id AND other.lane_id IS DISTINCT FROM c.lane_id)
    ORDER BY e.id
"""
STEPS = """
    SELECT n.key, s.state, s.reason FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id
    WHERE s.enrollment_id = %s ORDER BY s.id
"""
CREDITS = """
    SELECT n.key, j.servicetitan_id FROM analytics_jobcredit c JOIN campaigns_node n ON n.id = c.node_id
    JOIN audiences_job j ON j.id = c.job_id WHERE c.enrollment_id = %s
"""
ENDED_WITH_OPEN_STEPS = """
    SELECT e.id FROM campaigns_enrollment e JOIN campaigns_step s ON s.enrollment_id = e.id
    WHERE e.state = 'ended' AND s.state IN ('scheduled', 'queued', 'waiting')
"""
# A home that had its two touches today, from the demo's other campaigns, waits for tomorrow.
NOT_YET = """
    SELECT count(*) FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id
    LEFT JOIN conversations_message m ON m.id = s.message_id
    WHERE s.campaign_id = %s AND n.key = 'first_text' AND (s.state IN ('queued', 'waiting')
        OR s.state = 'scheduled' AND (m.id IS NULL OR s.due_at < m.created_at + interval '12 hours'))
"""


def steps(product: Product, enrollment: int) -> list[tuple[str, str, str]]:
    return rows(product, STEPS, enrollment)


def test_a_launch_becomes_replies_a_stop_and_a_credited_job(start_product):
    product = start_product(TRUCKROLL_DEMO="1", TRUCKROLL_SANDBOX_SPEED="600")
    with closing(Phones(product)) as phones, closing(Office(product, "csr@demo.example")) as csr:
        phones.be_predictable()

        # Launched through the form, everybody who was admitted is texted once.
        campaign = csr.launch(name="Members of the west", audience=AUDIENCE)
        wait_for(lambda: csr.cell(campaign, "first_text", "entered") > 50, seconds=180, what="enrolling")
        recount(product)
        wait_for(lambda: rows(product, NOT_YET, campaign) == [(0,)], seconds=180, what="every first text")
        wait_for(lambda: len(rows(product, STANDING, campaign)) > 20, seconds=180, what="delivered texts")
        (yes, yes_id), (asks, asks_id), (stops, stops_id) = rows(product, STANDING, campaign)[:3]

        # A yes wakes its step, becomes a booking and a job, which is credited to the text that won it.
        phones.say(yes, "Yes please, any day after 3")
        wait_for(lambda: rows(product, CREDITS, yes_id), seconds=180, what="a credited job")
        ((won_by, job),) = rows(product, CREDITS, yes_id)
        assert won_by == "first_text"
        bookings = [b for b in phones.ledger("booking") if b.get("job") == job]
        assert [b["status"] for b in bookings] == ["Converted"]
        wait_for(
            lambda: ("booked_text", "completed", "") in steps(product, yes_id),
            seconds=120,
            what="the confirmation",
        )
        told = [m["body"] for m in phones.ledger("message") if m["to"] == yes]
        assert "you're all set" in told[-1]
        assert csr.cell(campaign, "first_text", "booked") == 1
        recount(product)

        # A question has no way on: the step waits on, and a person is asked for.
        phones.say(asks, "How much does it cost?")
        assert steps(product, asks_id)[-1] == ("first_wait", "waiting", "")
        assert "How much does it cost?" in csr.get("/conversations/")

        # A STOP ends the enrollment before it is answered; nothing goes to that phone afterwards.
        phones.say(stops, "STOP")
        assert steps(product, stops_id)[-1] == ("first_wait", "skipped", "opted_out")
        before = sum(m["to"] == stops for m in phones.ledger("message"))
        assert csr.cell(campaign, "first_wait", "skipped") >= 1
        assert rows(product, ENDED_WITH_OPEN_STEPS) == []

        # Nothing twice: every text the provider was handed is one message of ours, and one step's.
        recount(product)
        handed = Counter(m["attempt"] for m in phones.ledger("message"))
        assert max(handed.values()) == 1
        known = {str(pk) for (pk,) in rows(product, "SELECT id FROM conversations_attempt")}
        assert set(handed) <= known
        texts = phones.ledger("message")
        first = Counter(m["to"] for m in texts if "It's time for your furnace" in m["body"])
        launched = "SELECT count(*) FROM campaigns_campaign WHERE launched_at IS NOT NULL"
        assert max(first.values()) <= rows(product, launched)[0][0]
        assert sum(m["to"] == stops for m in texts) == before
        assert recount(product)["cells"] > 50
