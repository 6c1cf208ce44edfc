"""`/metrics`: whether work is done in time, for Prometheus. Of the whole deployment, naming nobody."""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts import access
from accounts.clients import client_ip
from accounts.management.commands.issue_token import METRICS_SCOPE
from accounts.models import ApiToken
from campaigns.scheduling import LIVE_VERSIONS
from common import clock, sql
from conversations.listening import DEAF

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Each answers one row: how many, and since when the oldest waits.
QUESTIONS = {
    "queued_messages": (
        "Messages that wait to be sent",
        "SELECT count(*), min(state_at) FROM conversations_message"
        " WHERE due_at IS NOT NULL AND state = 'queued'",
    ),
    "unknown_messages": (
        "Messages of which nobody knows yet whether the provider took them",
        "SELECT count(*), min(state_at) FROM conversations_message"
        " WHERE claimed_at IS NOT NULL AND state = 'unknown'",
    ),
    "undrained_events": (
        "Stored webhooks that have not been applied",
        "SELECT count(*), min(received_at) FROM integrations_providerevent WHERE applied_at IS NULL",
    ),
    "deaf_accounts": (
        "Accounts whose campaigns wait until texts that may have been missed are read",
        f"SELECT count(*), min(h.heard_until) FROM conversations_listening h WHERE {DEAF}",
    ),
    "unsquashed_deltas": (
        "Counter changes that have not been folded into totals",
        "SELECT count(*), min(minute) FROM analytics_counterdelta",
    ),
}
# One index probe per node of each active campaign, as the engine itself looks.
OLDEST_READY_STEP = f"""
    SELECT min(s.due_at)
    FROM campaigns_campaign c CROSS JOIN LATERAL ({LIVE_VERSIONS}) v
    JOIN campaigns_node n ON n.version_id = v.id
    CROSS JOIN LATERAL (
        SELECT min(due_at) AS due_at FROM campaigns_step WHERE campaign_id = c.id AND node_id = n.id) s
    WHERE c.status = 'active'
"""


@require_safe
@access.public
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for this machine and for tokens with the scope `metrics`; 404 for everybody else."""
    if not (_from_this_machine(request) or _has_token(request)):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(clock.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE)


class _Figures(Collector):
    """Asked once per request: the rows know, so no process has to count."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """Every figure; an age is 0 where nothing waits."""
        for name, (words, question) in QUESTIONS.items():
            ((count, since),) = sql.rows(question)
            yield GaugeMetricFamily(f"truckroll_{name}", words, value=count)
            yield self._age(f"truckroll_{name}_oldest_seconds", f"{words}: age of the oldest", since)
        due = sql.value(OLDEST_READY_STEP)
        yield self._age("truckroll_ready_steps_oldest_seconds", "How long the engine is behind", due)

    def _age(self, name: str, words: str, since: datetime | None) -> Metric:
        age = (self.now - since).total_seconds() if since else 0.0
        return GaugeMetricFamily(name, words, value=max(0.0, age))


def _from_this_machine(request: HttpRequest) -> bool:
    """Whether nobody stands between: a proxy on this machine speaks for others, and says so in a header."""
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    address = client_ip(request)
    return bool(address) and not forwarded and ip_address(address or "").is_loopback


def _has_token(request: HttpRequest) -> bool:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = ApiToken.objects.recognise(secret.strip()) if scheme.lower() == "bearer" and secret else None
    return token is not None and token.allows(METRICS_SCOPE)
