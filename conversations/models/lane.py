from django.db import models
from django.db.models import Q


class Lane(models.Model):
    """One queue of outgoing messages: one per campaign, one for the agents of an account, one
    for what answers customers by itself, one for the texts that somebody sends to their own phone to try a
    number.

    The sender reads lanes only. Pausing is this flag: no message row changes.
    """

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign"
        AGENTS = "agents"
        TESTS = "tests"
        AUTOMATIC = "automatic"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="lanes")
    kind = models.CharField(max_length=9, choices=Kind)
    name = models.CharField(max_length=160)
    paused = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(default=10, help_text="Lower goes first; agents have 0")
    texts_per_hour = models.PositiveIntegerField(
        null=True, blank=True, help_text="At most so many leave in any hour; blank: as fast as the number"
    )
    tat = models.DateTimeField(
        null=True, blank=True, help_text="As NumberPace.tat, for texts an hour; on the real clock"
    )
    window = models.ForeignKey("audiences.SendWindow", null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(kind="agents"), name="lane_agents_once"),
            models.UniqueConstraint(fields=["account"], condition=Q(kind="tests"), name="lane_tests_once"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(kind="automatic"), name="lane_automatic_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["campaign", "agents", "tests", "automatic"]), name="lane_kind"
            ),
            models.CheckConstraint(
                condition=Q(texts_per_hour__isnull=True) | Q(texts_per_hour__gte=1),
                name="lane_texts_per_hour",
            ),
        ]

    def __str__(self) -> str:
        return self.name
