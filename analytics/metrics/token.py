"""Version tokens of live regions."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from typing import Any

from common.htmx import release


def version_token(*shown: Any) -> str:
    """A short hash of everything a live region shows, and of the templates that show it.

    Equal tokens mean an equal page: dataclasses, dates and plain values are taken as they are.
    """
    told = json.dumps(shown, default=_plain, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b((release() + told).encode(), digest_size=12).hexdigest()


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
