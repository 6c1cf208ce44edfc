"""Telling people that their downloads have ended: once each, on whichever page they open next.

Pages ask only in sessions that queued one: all others pay nothing.
"""

from django.db.models import Q

from accounts.access import Request
from analytics.models import Download
from common import clock

ENDED = (Download.State.READY, Download.State.FAILED)
_AWAITS = "awaits_downloads"
_MOST = 20


def await_end(request: Request) -> None:
    """From now on, pages of this session say what ended."""
    request.session[_AWAITS] = True


def tell(request: Request) -> list[Download]:
    """Those of the person that ended and of which they have not heard; from now on they have."""
    if not request.session.get(_AWAITS):
        return []
    mine = Download.objects.filter(requested_by=request.user, account=request.account)
    untold = Q(state__in=ENDED, told_at=None)
    found = list(mine.filter(untold | Q(state__in=Download.PENDING)).order_by("pk")[:_MOST])
    ended = [download for download in found if not download.pending]
    if ended:
        mine.filter(untold, pk__in=[one.pk for one in ended]).update(told_at=clock.now())
    if len(ended) == len(found) < _MOST:
        request.session.pop(_AWAITS, None)
    return ended
