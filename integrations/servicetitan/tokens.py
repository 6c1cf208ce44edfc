"""Access tokens, shared by every client of a process.

Tokens last 900 s, there is no refresh token, and the token endpoint is throttled: so one thread asks
while others wait, a token is renewed a minute early, and a refusal is remembered for some seconds.
"""

import threading
import time
from dataclasses import dataclass, field

import httpx

from integrations.messaging import ProviderError
from integrations.servicetitan import errors
from integrations.servicetitan.access import ServiceTitanAccess

_LEAST_SECONDS = 0.1  # what a request has at least
RENEW_EARLY_SECONDS = 60.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0


def patience(until: float) -> httpx.Timeout:
    """How long one request may take that is to be over by `until` (monotonic): a second of it at most for
    having a connection."""
    left = max(until - time.monotonic(), _LEAST_SECONDS)
    return httpx.Timeout(left, connect=min(left, 1.0), pool=min(left, 1.0))


@dataclass
class TenantGate:
    """The token of one tenant, by the monotonic clock."""

    access: ServiceTitanAccess
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _token: str = ""
    _renew_at: float = 0.0
    _failure: ProviderError | None = None
    _ask_again_at: float = 0.0

    def token(self, http: httpx.Client, *, until: float | None = None) -> str:
        """A token that lasts at least another minute; by `until` (monotonic), or as long as it takes. Raises
        ProviderError, code `timeout` where another thread still asks then."""
        if not self._lock.acquire(timeout=-1 if until is None else max(until - time.monotonic(), 0)):
            raise ProviderError(
                "ServiceTitan's sign-in takes long", permanent=False, accepted="no", code="timeout"
            )
        try:
            now = time.monotonic()
            if self._token and now < self._renew_at:
                return self._token
            if self._failure is not None and now < self._ask_again_at:
                raise self._failure
            try:
                self._token, lasts = self._ask(http, until)
            except ProviderError as error:
                if until is None:  # else it may merely have been slow for somebody in a hurry
                    self._failure = error
                    self._ask_again_at = now + (error.retry_after or PAUSE_AFTER_FAILURE_SECONDS)
                raise
            self._failure = None
            self._renew_at = now + max(lasts - RENEW_EARLY_SECONDS, lasts / 2)
            return self._token
        finally:
            self._lock.release()

    def forget(self, token: str) -> None:
        """Drop a token the API refused, unless another thread has renewed it already."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _ask(self, http: httpx.Client, until: float | None) -> tuple[str, float]:
        timeout = httpx.USE_CLIENT_DEFAULT if until is None else patience(until)
        try:
            answer = http.post(
                f"{self.access.auth_base_url}/connect/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": self.access.client_id,
                    "client_secret": self.access.client_secret,
                },
                timeout=timeout,
            )
        except httpx.HTTPError as exc:
            raise ProviderError(
                f"ServiceTitan's sign-in could not be reached: {type(exc).__name__}",
                permanent=False,
                accepted="no",
                code="unreachable",
            ) from exc
        if answer.status_code != 200:
            error = errors.refusal(answer.status_code, answer.text, answer.headers)
            # Nothing was asked of the API yet, and a wrong secret waits to be mended.
            error.accepted, error.permanent = "no", False
            raise error
        try:
            body = answer.json()
            return str(body["access_token"]), float(body.get("expires_in") or 900)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            error = errors.unreadable("token")
            error.accepted = "no"
            raise error from exc


_gates: dict[ServiceTitanAccess, TenantGate] = {}
_gates_lock = threading.Lock()


def gate(access: ServiceTitanAccess) -> TenantGate:
    """The gate of this tenant and these credentials, one per process."""
    with _gates_lock:
        return _gates.setdefault(access, TenantGate(access))
