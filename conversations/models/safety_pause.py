"""That one sender rests: a number, a mailbox or a campaign's lane, why, and until when."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from common import clock


class SafetyPauseQuerySet(models.QuerySet["SafetyPause"]):
    """Questions about senders that rest."""

    def in_force(self, now: datetime) -> "SafetyPauseQuerySet":
        """Those that hold at this instant: neither lifted nor over by themselves."""
        return self.filter(Q(until=None) | Q(until__gt=now), lifted_at=None)


class SafetyPause(models.Model):
    """A rule's pause of one sender. Lease and claim look for a row in force; whoever lifts it says why.

    `until` is set where it ends by itself (a carrier's day). What people write by hand goes on, unless the
    carrier would refuse that, too (`rule` is code).
    """

    class Rule(models.TextChoices):
        FAILURES = "failures", "Too many texts failed"
        OPT_OUTS = "opt_outs", "Too many people opted out"
        BOUNCES = "bounces", "Too many emails bounced"
        COMPLAINTS = "complaints", "Too many people called it spam"
        ABANDONED = "abandoned", "Too many answered calls had nobody to talk to"
        CODE = "code", "The provider refused the sender"

    IN_FORCE_SQL = "{0}.lifted_at IS NULL AND ({0}.until IS NULL OR {0}.until > %(now)s)"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="safety_pauses")
    number = models.ForeignKey(
        "integrations.SendingNumber", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    mailbox = models.ForeignKey(
        "integrations.SendingMailbox", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    lane = models.ForeignKey(
        "conversations.Lane", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    rule = models.CharField(max_length=10, choices=Rule)
    code = models.CharField(max_length=40, blank=True, default="")
    reason = models.CharField(max_length=300)
    part = models.PositiveIntegerField(default=0, help_text="Messages that broke the rule")
    whole = models.PositiveIntegerField(default=0, help_text="Of so many")
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lifted_reason = models.CharField(max_length=200, blank=True, default="")

    objects = SafetyPauseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(number__isnull=False, mailbox=None, lane=None)
                | Q(number=None, mailbox__isnull=False, lane=None)
                | Q(number=None, mailbox=None, lane__isnull=False),
                name="safetypause_one_sender",
            ),
            models.CheckConstraint(
                condition=Q(
                    rule__in=["failures", "opt_outs", "bounces", "complaints", "abandoned", "code"]
                ),
                name="safetypause_rule",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(lifted_at__gte=F("at")), name="safetypause_ends_later"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=False) | Q(lifted_reason="", lifted_by=None),
                name="safetypause_lifter_lifted",
            ),
            models.CheckConstraint(condition=Q(part__lte=F("whole")), name="safetypause_part_of_whole"),
            models.UniqueConstraint(
                fields=["number"], condition=Q(lifted_at=None, number__isnull=False),
                name="safetypause_number_once",
            ),
            models.UniqueConstraint(
                fields=["mailbox"], condition=Q(lifted_at=None, mailbox__isnull=False),
                name="safetypause_mailbox_once",
            ),
            models.UniqueConstraint(
                fields=["lane"], condition=Q(lifted_at=None, lane__isnull=False), name="safetypause_lane_once"
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["account", "-at"], name="safetypause_history")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()} since {self.at:%Y-%m-%d %H:%M}"
