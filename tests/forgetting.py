"""What a process remembers between requests, which no test may leave to the next."""

from accounts import polling
from common import htmx
from conversations import listening
from integrations.twilio import signers


def forget_everybody() -> None:
    """What a web process keeps for a moment, of who signs webhooks, of texts it turned away and of what was
    shown, is of another test's accounts."""
    signers.forget()
    listening._missed.clear()
    htmx._looked.clear()
    polling.forget()
