"""Twilio's webhook signature, written from its description, not from its SDK (the tests compare the two)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urldefrag


def twilio_signature(auth_token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Base64 of HMAC-SHA1 over the URL without its fragment, then name and value of each sorted field."""
    text = urldefrag(url).url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()
