from django.db import models
from django.db.models import Q


class Click(models.Model):
    """Somebody or something followed a short link. Written before the answer leaves; judged seconds later.

    `client` is a keyed hash of the address it came from, which is kept nowhere.
    """

    class Kind(models.TextChoices):
        OPEN = "", "Not judged yet"
        HUMAN = "human", "Person"
        MACHINE = "machine", "Scanner"
        PREVIEW = "preview", "Link preview"

    code = models.ForeignKey("campaigns.LinkCode", on_delete=models.CASCADE, related_name="clicks")
    at = models.DateTimeField()
    kind = models.CharField(max_length=7, choices=Kind, blank=True, default="", db_default="")
    reason = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="Why it is no person's"
    )
    user_agent = models.CharField(max_length=200, blank=True, default="", db_default="")
    client = models.CharField(max_length=16, blank=True, default="", db_default="")
    again = models.BooleanField(
        default=False, db_default=False, help_text="The same device had followed it seconds before"
    )
    judged_at = models.DateTimeField(null=True, blank=True)

    account_path = "code__link__campaign__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["", "human", "machine", "preview"]), name="click_kind"
            ),
            models.CheckConstraint(condition=Q(judged_at__isnull=True) | ~Q(kind=""), name="click_judged"),
            models.CheckConstraint(
                condition=~Q(kind__in=["machine", "preview"]) | ~Q(reason=""), name="click_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="click_to_judge", condition=Q(judged_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'open'} click of {self.code_id}"
