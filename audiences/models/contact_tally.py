from django.db import models


class ContactTally(models.Model):
    """How many contacts came or went in one statement; an account's rows added up are how many it has.

    A trigger of the table of contacts writes it (migration 0037), and `audiences.contact_tally` folds it.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="contact_tallies")
    contacts = models.BigIntegerField()
    mirrored = models.BigIntegerField(help_text="those of them who came from ServiceTitan")

    class Meta:
        verbose_name_plural = "contact tallies"

    def __str__(self) -> str:
        return f"{self.contacts:+}, {self.mirrored:+} of ServiceTitan"
