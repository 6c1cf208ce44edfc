"""Telling people that their downloads have ended: once each, on whichever page they open next.

Which ones a session waits for is kept in the session: pages of all others pay nothing, and pages that are
read in a read-only transaction may tell, too.
"""

from accounts.access import Request
from analytics.models import Download
from common import clock

ENDED = (Download.State.READY, Download.State.FAILED)
_AWAITED = "awaited_downloads"
_MOST = 20


def await_end(request: Request, download: Download) -> None:
    """From now on, pages of this session tell of its end."""
    awaited = [pk for pk in request.session.get(_AWAITED, []) if pk != download.pk]
    request.session[_AWAITED] = [*awaited, download.pk][-_MOST:]


def tell(request: Request) -> list[Download]:
    """Those that this session waited for and that have ended; each once."""
    awaited = request.session.get(_AWAITED)
    if not awaited:
        return []
    mine = Download.objects.filter(requested_by=request.user, account=request.account, pk__in=awaited)
    found = list(mine.order_by("pk"))
    ended = [download for download in found if download.state in ENDED and download.told_at is None]
    left = [download.pk for download in found if download.pending]
    if left != awaited:
        request.session[_AWAITED] = left
    return ended


def seen(request: Request) -> None:
    """The page of downloads says it all: nothing is told of what has ended by now."""
    untold = Download.objects.filter(requested_by=request.user, state__in=ENDED, told_at=None)
    untold.filter(account=request.account).update(told_at=clock.now())
