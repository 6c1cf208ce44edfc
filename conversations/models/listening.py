from django.db import models


class Listening(models.Model):
    """How far we know that all that customers wrote to an account has been taken in.

    `alive_at` and `listed_at` are on the database's real clock, `heard_until` on the product's.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="listening")
    alive_at = models.DateTimeField(help_text="The last sign of life of what takes texts in")
    heard_until = models.DateTimeField(help_text="What was written before that is here")
    listed_at = models.DateTimeField(help_text="When the provider's own list was read last")

    def __str__(self) -> str:
        return f"heard until {self.heard_until:%Y-%m-%d %H:%M:%S}"
