"""Switchable misbehaviour, drawn from one seeded generator. `POST /faults` changes, `DELETE /faults` heals.

Rates are probabilities 0..1 per request or callback; seconds here are real and never divided by the speed,
because a test sets them for what it wants to see.
"""

import random
from typing import Any

from sandbox.store import Store

DEFAULTS: dict[str, Any] = {
    "seed": 1,
    # POST Messages
    "http_429": 0.0,  # 429/20429, nothing accepted
    "concurrency_limit": 0,  # more requests at once than this get 429/20429; 0 = no limit
    "drop_before_accept": 0.0,  # the connection dies, nothing accepted
    "accept_then_drop": 0.0,  # accepted and durable, then the connection dies
    "error_after_accept": 0.0,  # accepted and durable, then 503
    "http_500": 0.0,  # 500, nothing accepted
    "slow": {"rate": 0.0, "seconds": 5.0, "before_accept": False},
    "latency_seconds": 0.0,  # added to every answer
    "segments_per_second": 0.0,  # overrides every number's rate when above 0; not multiplied by the speed
    "queue_seconds": 36_000.0,  # a sender's queue longer than this gives 21611
    "block_opted_out": True,  # False: opted-out phones are not refused here; the product must not try
    "opt_out_type": False,  # advanced opt-out: OptOutType in inbound webhooks
    "undelivered": 0.0,  # final status undelivered 30003
    "callbacks": {
        "drop": 0.0,  # never sent
        "drop_final": 0.0,  # nothing after `sent`
        "duplicate": 0.0,  # sent twice more
        "shuffle": False,  # each callback waits 0..shuffle_seconds more, so that order is lost
        "shuffle_seconds": 1.0,
        "reverse": False,  # final before sent
        "delay_rate": 0.0,
        "delay_seconds": 3600.0,
        "unknown_field": 0.0,  # one form field nobody has announced
        "bad_signature": 0.0,
        "sending": False,  # also announce `sending`
        "before_answer": False,  # callbacks may overtake the answer to the POST (answer held back 0.3 s)
    },
    "inbound": {"duplicate": 0.0, "delay_seconds": 0.0},
    "calls": {
        # POST Calls
        "http_429": 0.0,  # 429/20429, nothing accepted
        "concurrency_limit": 0,  # more requests at once than this get 429/20429; 0 = no limit
        "most_at_once": 0,  # calls live at once before 10004; 0 = no limit
        "drop_before_accept": 0.0,  # the connection dies, nothing accepted
        "accept_then_drop": 0.0,  # accepted and durable, then the connection dies
        "error_after_accept": 0.0,  # accepted and durable, then 503
        "http_500": 0.0,  # 500, nothing accepted
        "slow": {"rate": 0.0, "seconds": 5.0, "before_accept": False},
        "latency_seconds": 0.0,  # added to every answer
        "per_second": 0.0,  # calls placed a second when above 0; not multiplied by the speed
        "callbacks": {  # of calls, recordings and machine detection
            "drop": 0.0,  # never sent
            "drop_final": 0.0,  # the end is never told
            "duplicate": 0.0,  # sent twice more
            "shuffle": False,  # each waits 0..shuffle_seconds more, so that order is lost
            "shuffle_seconds": 1.0,
            "reverse": False,  # the later, the earlier
            "delay_rate": 0.0,
            "delay_seconds": 3600.0,
            "unknown_field": 0.0,  # one form field nobody has announced; in requests for documents, too
            "bad_signature": 0.0,
            "before_answer": False,  # may overtake the answer to the POST (answer held back 0.3 s)
        },
        "hides_requests": False,  # what a call asked is shown to nobody, however long it is over
        "documents": {  # requests for TwiML
            "repeat": 0.0,  # asked twice, the first answer lost
            "bad_signature": 0.0,
        },
    },
    # After a failed connection, a timeout or a 5xx, unless the URL's fragment (`#rc=`) says otherwise.
    "webhook_retries": 1,
    "sendgrid": {
        "http_429": 0.0,  # 429 with X-RateLimit-Reset, nothing accepted
        "reset_seconds": 10.0,  # what that header says
        "http_500": 0.0,  # 500, nothing accepted
        "drop_before_accept": 0.0,  # the connection dies, nothing accepted
        "accept_then_drop": 0.0,  # accepted and durable, then the connection dies
        "error_after_accept": 0.0,  # accepted and durable, then 503
        "latency_seconds": 0.0,  # added to every answer
        "events": {
            "on": False,  # the event webhook tells of every mail; always so with --demo
            "batch": 0,  # events in a post; 0: anything from 1 to 2000
            "drop": 0.0,  # never told
            "drop_final": 0.0,  # the last of a mail's events is never told
            "duplicate": 0.0,  # told twice, with the same sg_event_id
            "shuffle": False,  # each waits 0..shuffle_seconds more, so that order is lost
            "shuffle_seconds": 1.0,
            "delay_rate": 0.0,
            "delay_seconds": 3600.0,
            "category": 0.0,  # a category where the mail has none: a string here, an array there
            "bare_bounce": 0.0,  # bounces without custom arguments
            "bare_bounce_no_id": 0.0,  # and of those without sg_message_id, too
            "unknown_field": 0.0,
            "bad_signature": 0.0,
        },
        "inbound": {"duplicate": 0.0, "delay_seconds": 0.0, "bad_signature": 0.0},
    },
    "servicetitan": {
        "http_429": 0.0,
        "retry_after": True,
        "rate_limit": 60,  # requests per second and tenant; 0 = none
        "html_502": 0.0,
        "http_500": 0.0,
        "token_429": 0.0,
        "token_limit_per_minute": 0,  # throttles /connect/token; 0 = none
        "token_seconds": 900,
        "slow_seconds": 0.0,
        "unreachable": False,  # every connection dies without an answer
        "accept_then_drop": 0.0,  # bookings and jobs: stored, then the connection dies
        "dismiss": 0.05,  # bookings dismissed by the office
        "cancel": 0.06,  # new jobs called off before their visit
        "refund": 0.06,  # billed jobs of which some or all is taken back by a credit memo, days later
        "adjust": 0.04,  # billed jobs that are billed more
        "void": 0.03,  # billed jobs whose invoice is voided and written anew
        "hints": False,  # webhooks tell of every change; always so with --demo
        "page_size": 1000,  # rows of an export page
        "recent_seconds": -1.0,  # how long a change counts as recent; -1 = 300 s divided by the speed
    },
}


class UnknownFault(ValueError):
    """A fault name or type that does not exist; the message names it."""


class Faults:
    """The current faults, kept across restarts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.now: dict[str, Any] = _merged(DEFAULTS, store.get("faults", {}))
        self._random = random.Random(self.now["seed"])

    def change(self, patch: dict[str, Any]) -> dict[str, Any]:
        """Merge `patch`; the generator starts anew from its seed. Raises UnknownFault."""
        self.now = _merged(self.now, patch)
        self._random = random.Random(self.now["seed"])
        self._store.put("faults", self.now)
        return self.now

    def clear(self) -> dict[str, Any]:
        """Back to a provider that behaves."""
        self.now = _merged(DEFAULTS, {})
        self._random = random.Random(self.now["seed"])
        self._store.put("faults", {})
        return self.now

    def hit(self, rate: float) -> bool:
        """Whether an event of probability `rate` happens now; draws nothing when the rate is 0 or 1."""
        return rate > 0 and (rate >= 1 or self._random.random() < rate)

    def spread(self, seconds: float) -> float:
        """A uniform draw from 0 to `seconds`."""
        return self._random.random() * seconds


def _merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for key, value in patch.items():
        if key not in merged:
            raise UnknownFault(f"no fault is called {key!r}; known: {', '.join(sorted(merged))}")
        if isinstance(merged[key], dict):
            if not isinstance(value, dict):
                raise UnknownFault(f"{key!r} takes an object")
            merged[key] = _merged(merged[key], value)
        elif isinstance(merged[key], bool) != isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UnknownFault(
                f"{key!r} takes {'true or false' if isinstance(merged[key], bool) else 'a number'}"
            )
        else:
            merged[key] = value
    return merged
