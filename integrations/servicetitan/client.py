"""ServiceTitan's v2 API over httpx: exports, lists, and bookings and jobs made once.

Synchronous, never inside a database transaction. Reads are repeated on 429, 5xx and broken answers with
jittered pauses; a write looks for what it may have done before it repeats.
"""

import logging
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from integrations.messaging import ProviderError, Remedy
from integrations.servicetitan import budget, errors, records
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.entities import COUNTED, EXPORTS, LISTED
from integrations.servicetitan.requests import (
    EXTERNAL_KEY,
    BookingRequest,
    JobRequest,
    booking_body,
    instant,
    job_body,
    jobs_made_as,
)
from integrations.servicetitan.tokens import gate, patience

TIMEOUT = httpx.Timeout(15.0, connect=2.0)
EXPORT_TIMEOUT = httpx.Timeout(60.0, connect=2.0)  # pages are big, and their server may take 100 s
CAPACITY_SECONDS = 3.0  # in all, tries included: an agent is on the phone with the customer
_LEAST_SECONDS = 0.5  # with less left no further try is made
TRIES = 5
PATIENCE_SECONDS = 20.0  # no try begins later, so that a caller's claim of a minute outlives the call
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
Kind = TypeVar("Kind", bound=records.Record)
MAX_IDS = 50  # of one list request
PAGE_SIZE = 500
ALL_UNREADABLE = 10  # as many rows and not one readable: their format has changed, nobody made a slip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an export. Keep `continue_from` only with the rows, in one transaction.

    `skipped` says in words which rows could not be read: one odd row never holds up the others.
    """

    records: Sequence[Any]
    continue_from: str
    has_more: bool
    skipped: Sequence[str] = ()


class ServiceTitanClient:
    """One tenant's API. Safe to share between threads; see `shared`."""

    def __init__(self, access: ServiceTitanAccess, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.access = access
        self._gate = gate(access)
        self._source = budget.source_of(access)
        self._pause = pause
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        weakref.finalize(self, self._http.close)  # a client nobody holds any more leaves no open socket
        self._provider = access.booking_provider_id
        self._provider_lock = threading.Lock()

    def close(self) -> None:
        """Close the connections; not for a shared client."""
        self._http.close()

    def export(self, entity: str, token: str = "", *, recent: bool = True) -> Iterator[Page]:
        """Pages of `entity` (a name of EXPORTS) after `token`, empty for the beginning, until no more.

        Inactive and deleted rows are included. `recent` asks for the newest changes at once, which
        repeats rows: upsert them. Raises ProviderError; pages already given stay good.
        """
        module, path, kind = EXPORTS[entity]
        while True:
            query = {"from": token} if token else {}
            query["includeRecentChanges"] = "true" if recent else "false"
            body = self._get(module, path, query, timeout=EXPORT_TIMEOUT)
            (rows, skipped), following = read_rows(body, kind), body.get("continueFrom")
            if not isinstance(following, str) or (body.get("hasMore") and following == token):
                raise errors.unreadable(f"{entity}: no way on")
            page = Page(rows, following, bool(body.get("hasMore")), skipped)
            yield page
            if not page.has_more:
                return
            token = following

    def list_job_types(self) -> list[records.JobType]:
        """All job types, inactive ones included; there is no export of them. Raises ProviderError."""
        return list(self._list("jpm", "job-types", records.JobType, {"active": "Any"}))

    def list_lead_sources(self) -> list[records.LeadSource]:
        """All marketing campaigns of ServiceTitan's, inactive ones included. Raises ProviderError."""
        return list(self._list("marketing", "campaigns", records.LeadSource, {"active": "Any"}))

    def total(self, entity: str) -> int | None:
        """About how many rows an export has, as its list counts them; None where nobody says.

        A guess for people who wait: a source that does not count is no error.
        """
        if (found := COUNTED.get(entity)) is None:
            return None
        module, path, query = found
        try:
            body = self._once("GET", module, path, params=query | {"pageSize": 1, "includeTotal": "true"})
        except ProviderError:
            return None
        count = body.get("totalCount")
        return count if isinstance(count, int) else None

    def by_ids(self, entity: str, ids: Sequence[int]) -> list[Any]:
        """Rows of `entity` by their ids, contacts by those of their customers; fifty a request. What does not
        exist is absent. Raises ProviderError.
        """
        module, path, name, query = LISTED[entity]
        found: list[Any] = []
        for start in range(0, len(ids), MAX_IDS):
            some = ",".join(str(pk) for pk in ids[start : start + MAX_IDS])
            found += self._list(module, path, EXPORTS[entity][2], {**query, name: some})
        return found

    def changed(self, entity: str, since: datetime, *, most: int) -> list[Any] | None:
        """Rows of `entity` changed at the source since then; None where they are more than `most`. Raises
        ProviderError."""
        module, path, _, query = LISTED[entity]
        wanted = {**query, "modifiedOnOrAfter": instant(since)}
        found = list(islice(self._list(module, path, EXPORTS[entity][2], wanted), most + 1))
        return found if len(found) <= most else None

    def jobs(
        self, *, ids: Sequence[int] = (), booking_id: int | None = None, customer_id: int | None = None
    ) -> list[records.Job]:
        """Jobs by id, by the booking they came from, or of a customer. Raises ProviderError."""
        if booking_id is not None or customer_id is not None:
            query = {"bookingId": booking_id, "customerId": customer_id}
            return list(self._list("jpm", "jobs", records.Job, {k: v for k, v in query.items() if v}))
        return self.by_ids("jobs", ids)

    def job(self, job_id: int) -> records.Job:
        """One job. Raises ProviderError, code 404 where it does not exist."""
        return _record(self._get("jpm", f"jobs/{job_id}", {}), records.Job)

    def capacity(
        self, first: datetime, last: datetime, *, unit_id: int | None, job_type_id: int | None
    ) -> list[records.Availability]:
        """The arrival windows between two instants with what is left of each, for one business unit or all.

        A question, though it is posted: repeated like any other reading, but answered or given up within
        `CAPACITY_SECONDS`. Raises ProviderError, code `timeout` where that was not enough.
        """
        wish = {
            "startsOnOrAfter": instant(first), "endsOnOrBefore": instant(last),
            "businessUnitIds": [unit_id] if unit_id else None, "jobTypeId": job_type_id,
            "skillBasedAvailability": False,
        }  # fmt: skip
        until = time.monotonic() + CAPACITY_SECONDS
        for attempt in range(TRIES):
            try:
                body = self._once("POST", "dispatch", "capacity", until=until, json=wish)
                return [records.Availability.model_validate(row) for row in body.get("availabilities") or []]
            except ValidationError as error:
                raise errors.unreadable("capacity: a window without its times") from error
            except ProviderError as error:
                left = (
                    until - time.monotonic() - max(FIRST_PAUSE_SECONDS * 2**attempt, error.retry_after or 0)
                )
                if left < _LEAST_SECONDS or not _worth_another(error, attempt, until):
                    raise
                last_error = error
            self._pause_after(last_error, attempt)
        raise AssertionError("unreachable")

    def get_booking(self, booking_id: int) -> records.Booking:
        """One booking. Raises ProviderError, code 404 where it does not exist."""
        return _record(self._get("crm", f"bookings/{booking_id}", {}), records.Booking)

    def bookings_by_external_id(self, external_id: str) -> list[records.Booking]:
        """Bookings made under our id: none or one, unless something went wrong. Raises ProviderError."""
        found = self._list("crm", "bookings", records.Booking, {"externalId": external_id})
        return [booking for booking in found if booking.external_id == external_id]

    def jobs_by_external_id(self, external_id: str) -> list[records.Job]:
        """Jobs made under our id: none or one, unless something went wrong. Raises ProviderError."""
        found = self._list("jpm", "jobs", records.Job, jobs_made_as(external_id))
        return [job for job in found if job.is_ours(EXTERNAL_KEY, external_id)]

    def create_booking(self, request: BookingRequest) -> records.Booking:
        """Ask for a booking, once per external id as far as anybody can tell; see `_made_once`."""
        until = time.monotonic() + PATIENCE_SECONDS
        path = f"booking-provider/{self._booking_provider()}/bookings"

        def known() -> records.Booking | None:
            body = self._get("crm", "bookings", {"externalId": request.external_id}, until=until)
            found, _ = read_rows(body, records.Booking)
            return next((one for one in found if one.external_id == request.external_id), None)

        return self._made_once("crm", path, booking_body(request), records.Booking, known, until)

    def create_job(self, request: JobRequest) -> records.Job:
        """Make a job, once per external id as far as anybody can tell; see `_made_once`.

        Where its answer was lost and it is not found, `accepted="unknown"` is raised at once: a slow request
        may still be at work, and a job twice is a technician sent twice. Look it up before another try.
        """
        until = time.monotonic() + PATIENCE_SECONDS

        def known() -> records.Job | None:
            body = self._get("jpm", "jobs", jobs_made_as(request.external_id), until=until)
            found, _ = read_rows(body, records.Job)
            return next((one for one in found if one.is_ours(EXTERNAL_KEY, request.external_id)), None)

        return self._made_once("jpm", "jobs", job_body(request), records.Job, known, until, in_doubt=False)

    def _made_once(
        self,
        module: str,
        path: str,
        body: dict[str, Any],
        kind: type[Kind],
        known: Callable[[], Kind | None],
        until: float,
        *,
        in_doubt: bool = True,
    ) -> Kind:
        """Post `body`. After any answer that may hide a success, `known` looks it up before another try.

        `in_doubt`: whether it is tried again where nothing is found. Raises ProviderError, with
        `accepted="unknown"` where nobody knows whether it was made.
        """
        for attempt in range(TRIES):
            try:
                return _record(self._once("POST", module, path, json=body), kind)
            except ProviderError as error:
                doubt = error
            if doubt.accepted == "no" and not _worth_another(doubt, attempt, until):
                raise doubt
            self._pause_after(doubt, attempt)
            if doubt.accepted == "unknown":
                try:
                    made = known()
                except ProviderError as error:
                    raise doubt from error
                if made is not None:
                    return made
                if not in_doubt or not _worth_another(doubt, attempt, until):
                    raise doubt
        raise AssertionError("unreachable")

    def _booking_provider(self) -> int:
        """The booking provider tag this app writes under; looked up once where not configured."""
        with self._provider_lock:
            if self._provider is None:
                tags = self._get("crm", "booking-provider-tags", {"pageSize": "50"}).get("data") or []
                active = [tag for tag in tags if tag.get("active", True)]
                if not active:
                    raise ProviderError(
                        "The tenant has no booking provider for this app",
                        permanent=False,
                        accepted="no",
                        code="no_booking_provider",
                    )
                self._provider = int(active[0]["id"])
            return self._provider

    def _list(self, module: str, path: str, kind: type[Kind], query: dict[str, Any]) -> Iterator[Kind]:
        number = 1
        while True:
            body = self._get(module, path, {**query, "page": number, "pageSize": PAGE_SIZE})
            rows, skipped = read_rows(body, kind)
            for words in skipped:
                log.warning("ServiceTitan's %s: passed over %s", path, words)
            yield from rows
            if not body.get("hasMore"):
                return
            number += 1

    def _get(
        self,
        module: str,
        path: str,
        query: dict[str, Any],
        *,
        until: float | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> dict[str, Any]:
        """Read, repeating what may pass: 429, 5xx, lost or unreadable answers."""
        until = time.monotonic() + PATIENCE_SECONDS if until is None else until
        for attempt in range(TRIES):
            try:
                return self._once("GET", module, path, params=query, timeout=timeout)
            except ProviderError as error:
                if not _worth_another(error, attempt, until):
                    raise
                last = error
            self._pause_after(last, attempt)
        raise AssertionError("unreachable")

    def _pause_after(self, error: ProviderError, attempt: int) -> None:
        longest = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
        jittered = longest * random.uniform(0.5, 1.0)
        self._pause(max(jittered, error.retry_after or 0.0))

    def _once(
        self, method: str, module: str, path: str, *, until: float | None = None, **content: Any
    ) -> dict[str, Any]:
        """One request, signed again once where the token has just run out; over by `until` (monotonic)."""
        url = f"{self.access.base_url}/{module}/v2/tenant/{self.access.tenant_id}/{path}"
        answer = self._signed(method, url, content, until)
        if answer.status_code == 401:
            answer = self._signed(method, url, content, until)
        if not answer.is_success:
            raise errors.refusal(answer.status_code, answer.text, answer.headers)
        try:
            body = answer.json()
        except ValueError as exc:
            raise errors.unreadable(answer.headers.get("Content-Type", "no content type")) from exc
        if not isinstance(body, dict):
            raise errors.unreadable("not an object")
        return body

    def _signed(
        self, method: str, url: str, content: dict[str, Any], until: float | None = None
    ) -> httpx.Response:
        token = self._gate.token(self._http, until=until)
        if until is None:
            budget.wait_for_turn(self._source, pause=self._pause)
        else:
            budget.wait_for_turn(self._source, pause=self._pause, longest=until - time.monotonic())
            content = {**content, "timeout": patience(until)}
        headers = {"Authorization": f"Bearer {token}", "ST-App-Key": self.access.app_key}
        try:
            answer = self._http.request(method, url, headers=headers, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            raise ProviderError(
                f"ServiceTitan could not be reached: {type(exc).__name__}",
                permanent=False,
                accepted="no",
                code="unreachable",
            ) from exc
        except httpx.HTTPError as exc:
            raise ProviderError(
                f"ServiceTitan's answer was lost: {type(exc).__name__}",
                permanent=False,
                accepted="unknown",
                code="timeout" if isinstance(exc, httpx.TimeoutException) else "disconnected",
            ) from exc
        if answer.status_code == 401:
            self._gate.forget(token)
        if answer.status_code == 429:
            budget.hold(self._source, errors.retry_after(answer.headers))
        return answer


@lru_cache(maxsize=64)
def shared(access: ServiceTitanAccess) -> ServiceTitanClient:
    """The process's client for these credentials: one connection pool, one booking provider look-up."""
    return ServiceTitanClient(access)


def _worth_another(error: ProviderError, attempt: int, until: float) -> bool:
    """Whether the same request may fare better: not after a refusal, nor when tries or time are used up."""
    hopeless = error.permanent or error.remedy is Remedy.STOP_ACCOUNT
    return not hopeless and attempt < TRIES - 1 and time.monotonic() < until


def _record(row: Any, kind: type[Kind]) -> Kind:
    try:
        return kind.model_validate(row)
    except ValidationError as exc:
        raise errors.unreadable(_complaint(row, kind, exc)) from exc


def _complaint(row: Any, kind: type[records.Record], exc: ValidationError) -> str:
    """Which row cannot be read and why, without what it says of people."""
    number = row.get("id") if isinstance(row, dict) else None
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{kind.__name__} {str(number)[:30]}: {where} {first['msg'][:100]}".strip()


def read_rows(body: dict[str, Any], kind: type[Kind]) -> tuple[list[Kind], list[str]]:
    """The readable rows, and in words those that are not. Raises ProviderError where none of many is."""
    data = body.get("data")
    if not isinstance(data, list):
        raise errors.unreadable(f"{kind.__name__}: no data")
    rows: list[Kind] = []
    skipped: list[str] = []
    for row in data:
        try:
            rows.append(kind.model_validate(row))
        except ValidationError as exc:
            skipped.append(_complaint(row, kind, exc))
    if not rows and len(skipped) >= ALL_UNREADABLE:
        raise errors.unreadable(f"none of {len(skipped)} rows, {skipped[0]}")
    return rows, skipped
