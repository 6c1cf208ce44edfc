"""SMS segments as a carrier bills them."""

import smsutil

CACHE_LIMIT = 5_000
_cache: dict[str, int] = {}


def count(body: str) -> int:
    """Segments of `body`: GSM-7 160/153 units, else UCS-2 70/67, packed greedily; at least 1."""
    known = _cache.get(body)
    if known is None:
        if len(_cache) > CACHE_LIMIT:
            _cache.clear()
        known = _cache[body] = _count(body)
    return known


def _count(body: str) -> int:
    if len(body) <= 70 and body.isascii() and not any(c in body for c in "`\t^{}\\[~]|\f"):
        return 1
    return max(1, len(smsutil.split(body).parts))
