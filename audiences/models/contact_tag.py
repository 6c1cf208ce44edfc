from django.db import models


class ContactTag(models.Model):
    """A tag on a contact: as ServiceTitan has it on the customer, or one of the account's own."""

    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, db_index=False)
    tag = models.ForeignKey("audiences.Tag", on_delete=models.CASCADE)

    account_path = "contact__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="contact_tag_unique")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.tag_id}"
