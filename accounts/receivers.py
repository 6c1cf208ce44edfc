"""What Django's sign-in tells us."""

from typing import Any

from django.contrib.auth.signals import user_logged_in

from accounts.models import User
from common import clock


def connect() -> None:
    """Note sign-ins by the product's clock, in the place of Django's own receiver."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    user_logged_in.connect(note_sign_in, dispatch_uid="update_last_login")


def note_sign_in(sender: type[User], user: User, **kwargs: Any) -> None:
    """Keep when this person signed in last."""
    user.last_login = clock.now()
    user.save(update_fields=["last_login"])
