"""What the provider says that one message cost."""

from django.db import models
from django.db.models import Q


class MessagePrice(models.Model):
    """In US dollars, without carriers' fees; known some time after the message was sent."""

    account_path = "message__account"

    message = models.OneToOneField(
        "conversations.Message", on_delete=models.CASCADE, primary_key=True, related_name="price"
    )
    amount = models.DecimalField(max_digits=9, decimal_places=5)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="messageprice_not_negative")]

    def __str__(self) -> str:
        return f"${self.amount}"
