"""The ground on which an account texts its customers: declared by a person, before the first launch."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences.models import ConsentBasis, OptOutImport
from common.loopback import is_loopback
from integrations.models import Connection

Kind = ConsentBasis.Kind
MISSING = (
    "Nobody has declared yet on what ground your customers may be texted. An admin does that in Settings, "
    "First run."
)
OPT_OUTS_MISSING = (
    "Import the people who asked you to leave them alone, or say that there are none, before your first "
    "launch: Settings, First run."
)
STATEMENTS: dict[str, str] = {
    Kind.EXISTING: (
        "The people we text are our own customers: each has bought from us or asked us for work, gave us the "
        "number in doing so, and has not asked us to stop."
    ),
    Kind.WRITTEN: (
        "Every person we text has agreed in writing to get texts from us, on a form or a website that said "
        "so, and we can show when and how."
    ),
    Kind.MIXED: (
        "Everybody we text either has bought from us or asked us for work, or has agreed in writing to get "
        "texts from us, and has not asked us to stop."
    ),
    Kind.SIMULATED: "The customers are invented, and no text reaches a person.",
}
"""What each ground says, as it is shown and kept."""


@transaction.atomic
def declare(account: Account, kind: str, *, name: str, by: User | None, now: datetime) -> ConsentBasis:
    """Declare the ground; it takes the place of an earlier one. `name` is the person's own signature."""
    basis = ConsentBasis.objects.create(
        account=account,
        kind=kind,
        words=STATEMENTS[kind],
        declared_name=name,
        declared_by=by,
        declared_at=now,
    )
    audit.record(
        account=account, by=by, verb="declared_consent", on=basis,
        summary=f"{name} declared the consent basis: {basis.get_kind_display()}",
        detail={"kind": kind, "words": basis.words},
    )  # fmt: skip
    return basis


def declare_simulated(account: Account) -> None:
    """Say once that an account's customers are invented: it may launch at once, to any number."""
    if ConsentBasis.objects.in_force(account.pk) is None:
        ConsentBasis.objects.create(
            account=account,
            kind=Kind.SIMULATED,
            words=STATEMENTS[Kind.SIMULATED],
            declared_name="Truckroll",
            declared_at=account.created_at,
        )


def simulated(account: Account) -> bool:
    """Whether the account's customers are invented, so that a first launch needs no care.

    Only while its texts stay on this machine: once a carrier is connected, somebody must declare.
    """
    basis = ConsentBasis.objects.in_force(account.pk)
    return basis is not None and basis.kind == Kind.SIMULATED and not _reaches_people(account)


def declared_since(account: Account) -> datetime | None:
    """When somebody first declared a ground for texting real people; None where nobody has."""
    real = ConsentBasis.objects.filter(account=account).exclude(kind=Kind.SIMULATED)
    return real.order_by("declared_at").values_list("declared_at", flat=True).first()


def _reaches_people(account: Account) -> bool:
    senders = Connection.objects.of(account.pk, Connection.Provider.TWILIO)
    return any(
        not is_loopback(kept.get("base_url", "")) for kept in senders.values_list("settings", flat=True)
    )


def missing(account: Account, *, first_launch: bool) -> list[str]:
    """What must be declared or imported before a launch, in words; nothing where all of it is."""
    if simulated(account):
        return []
    basis = ConsentBasis.objects.in_force(account.pk)
    if basis is None or basis.kind == Kind.SIMULATED:
        return [MISSING]
    if not OptOutImport.objects.settled(account.pk) and first_launch:
        return [OPT_OUTS_MISSING]
    under_way = OptOutImport.objects.filter(account=account).unfinished().first()
    if under_way is None:
        return []
    return [
        f"{under_way.name} is still being recorded: {under_way.done:,} of {under_way.accepted:,} opt-outs. "
        "Launch when it is finished."
    ]
