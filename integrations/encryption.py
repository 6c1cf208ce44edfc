"""Provider credentials at rest: encrypted JSON, keyed from SECRET_KEY.

Rotation is Django's own: put the former key into `SECRET_KEY_FALLBACKS`; what it encrypted still
reads, and the next save writes with the present key.
"""

import base64
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField

_PURPOSE = b"truckroll.integrations.connection.credentials"


class CredentialsUnreadable(Exception):
    """None of the configured keys decrypts the stored credentials."""


def encrypt(value: dict[str, str]) -> str:
    """Encrypt `value` with the present key."""
    return _fernet(_secrets()).encrypt(json.dumps(value).encode()).decode()


def decrypt(token: str) -> dict[str, str]:
    """Decrypt with the present key or a fallback; raises CredentialsUnreadable where none fits."""
    try:
        plain = _fernet(_secrets()).decrypt(token.encode())
    except InvalidToken as exc:
        raise CredentialsUnreadable(
            "Stored provider credentials cannot be read with SECRET_KEY or SECRET_KEY_FALLBACKS"
        ) from exc
    value: dict[str, str] = json.loads(plain)
    return value


class EncryptedJSONField(_TextField):
    """A small dict of strings, ciphertext in the database, plain in Python. Cannot be filtered on."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: object, connection: object) -> dict[str, str]:
        """Decrypt a column as it is read."""
        return decrypt(value) if value else {}

    def get_prep_value(self, value: Any) -> str:
        """Encrypt on the way to the database; Fernet salts, so equal values differ in the column."""
        return encrypt(value or {})

    def to_python(self, value: Any) -> Any:
        """Keep dicts as they are (forms and fixtures hand in plain values)."""
        return value


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def _fernet(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(secret)) for secret in secrets])


def _derive(secret: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(kdf.derive(secret.encode()))
