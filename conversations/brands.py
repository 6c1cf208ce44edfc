"""Choosing how an account's emails look."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from common.phone import display_phone
from conversations import media, media_types
from conversations.media_types import NotTaken
from conversations.models import Brand, MediaFile

LARGEST_UPLOAD, LARGEST_LOGO = 1_000_000, 150_000  # bytes


def of(account: Account) -> Brand:
    """The account's brand; one that is not stored yet where nobody has chosen."""
    kept = Brand.objects.select_related("logo").defer("logo__data").filter(account=account)
    return kept.first() or Brand(account=account)


@transaction.atomic
def change(
    account: Account, *, colour: str, phone: str, logo: MediaFile | None, by: User, now: datetime
) -> None:
    """Let emails that leave from now on look so. `colour` is `#rrggbb`, `phone` E.164 or nothing."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    before = of(account)
    logo_id = logo.pk if logo else None
    if (before.colour, before.phone, before.logo_id) == (colour, phone, logo_id) and not before._state.adding:
        return
    chosen = {"colour": colour, "phone": phone, "logo": logo, "changed_at": now, "changed_by": by}
    Brand.objects.update_or_create(account=account, defaults=chosen)
    inviting = f", inviting to call {display_phone(phone)}" if phone else ""
    audit.record(
        account=account, by=by, verb="changed_brand",
        summary=f"Emails are in {colour}, with {'a' if logo else 'no'} logo{inviting}",
        detail={
            "before": [before.colour, before.phone, before.logo_id], "after": [colour, phone, logo_id]
        },
    )  # fmt: skip


def take_logo(account: Account, data: bytes, name: str, *, by: User, now: datetime) -> MediaFile:
    """Keep a picture as a logo: drawn anew, PNG or JPEG, small enough for every opening. Raises NotTaken."""
    if len(data) > LARGEST_UPLOAD or not media_types.sniff(data).startswith("image/"):
        raise NotTaken("Choose a picture, PNG or JPEG, of at most 1 MB.")
    picture = media_types.redrawn(data, name)
    if len(picture.data) > LARGEST_LOGO:
        raise NotTaken(
            f"The logo takes {len(picture.data) // 1000:,} kB, which everybody would load with every email. "
            f"Save it smaller: {LARGEST_LOGO // 1000} kB at most, some 600 pixels wide."
        )
    return media.store(account, picture, name, received=False, by=by, now=now)
