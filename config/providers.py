"""Which providers `make run` talks to: those the environment names, the sandbox in place of the others."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from common.loopback import is_loopback as is_loopback

PREFIXES = ("TWILIO_", "SENDGRID_", "SERVICETITAN_")
CREDENTIALS_FILE = "sandbox.json"


def missing(environ: Mapping[str, str]) -> list[str]:
    """The prefixes of the providers that the environment does not name at all: the sandbox plays them."""
    return [prefix for prefix in PREFIXES if not any(n.startswith(prefix) and environ[n] for n in environ)]


def reaches_people(environ: Mapping[str, str]) -> bool:
    """Whether texts would leave for real phones: real credentials and no other address to send to."""
    return bool(environ.get("TWILIO_ACCOUNT_SID")) and not environ.get("TWILIO_API_BASE_URL")


def sandbox_credentials(data_dir: Path) -> dict[str, str]:
    """The sandbox's credentials, drawn at random once and kept in the data folder for both sides."""
    path = data_dir / CREDENTIALS_FILE
    if not path.is_file():
        _keep(path, _draw())
    loaded: dict[str, str] = json.loads(path.read_text())
    if "webhook_key" not in loaded:  # of a folder made before there was one
        loaded["webhook_key"] = _webhook_key()
        _keep(path, loaded)
    return loaded


def _keep(path: Path, credentials: Mapping[str, str]) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(credentials, indent=1))
    draft.replace(path)


def sandbox_env(environ: Mapping[str, str], credentials: Mapping[str, str], url: str) -> dict[str, str]:
    """What to add to the environment so that every provider it does not name is the sandbox at `url`."""
    names = {
        "TWILIO_ACCOUNT_SID": credentials["account_sid"],
        "TWILIO_AUTH_TOKEN": credentials["auth_token"],
        "TWILIO_API_BASE_URL": url,
        "SENDGRID_API_KEY": credentials["sendgrid_key"],
        "SENDGRID_API_BASE_URL": url,
        "SENDGRID_WEBHOOK_PUBLIC_KEY": credentials["sendgrid_webhook_public_key"],
        "SERVICETITAN_CLIENT_ID": credentials["client_id"],
        "SERVICETITAN_CLIENT_SECRET": credentials["client_secret"],
        "SERVICETITAN_APP_KEY": credentials["app_key"],
        "SERVICETITAN_TENANT_ID": credentials["tenant_id"],
        "SERVICETITAN_WEBHOOK_KEY": credentials["webhook_key"],
        "SERVICETITAN_API_BASE_URL": url,
        "SERVICETITAN_AUTH_BASE_URL": url,
    }
    played = tuple(missing(environ))
    return {name: value for name, value in names.items() if name.startswith(played)} if played else {}


def _draw() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "account_sid": f"AC{secrets.token_hex(16)}",
        "auth_token": secrets.token_hex(16),
        "client_id": f"cid.{secrets.token_hex(12)}",
        "client_secret": secrets.token_hex(24),
        "app_key": f"ak1.{secrets.token_hex(12)}",
        "webhook_key": _webhook_key(),
        "tenant_id": str(secrets.randbelow(900_000_000) + 100_000_000),
        "sendgrid_key": f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
        "sendgrid_webhook_private_key": private.decode(),
        "sendgrid_webhook_public_key": base64.b64encode(public).decode(),
    }


def _webhook_key() -> str:
    return secrets.token_hex(24)
