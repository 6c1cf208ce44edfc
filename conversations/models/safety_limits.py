"""When an account's senders pause themselves, as its admins set it."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

FAILURES, OPT_OUTS, BOUNCES, COMPLAINTS = Decimal(20), Decimal(10), Decimal(5), Decimal("0.3")
MIN_SAMPLE, WINDOW_HOURS = 200, 24
_SHARE = [MinValueValidator(Decimal("0.1")), MaxValueValidator(Decimal(100))]


def _share(default: Decimal) -> models.DecimalField:
    return models.DecimalField(max_digits=5, decimal_places=2, default=default, validators=_SHARE)


class SafetyLimits(models.Model):
    """Shares in percent of what a sender handed over in the rolling window; at 100 a rule is as good as off.

    The mail figures are what mailbox providers ask of bulk senders: complaints below 0.3 %.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="safety_limits")
    failures = _share(FAILURES)
    opt_outs = _share(OPT_OUTS)
    bounces = _share(BOUNCES)
    complaints = _share(COMPLAINTS)
    min_sample = models.PositiveIntegerField(
        default=MIN_SAMPLE, validators=[MinValueValidator(20), MaxValueValidator(100_000)]
    )
    window_hours = models.PositiveSmallIntegerField(
        default=WINDOW_HOURS, validators=[MinValueValidator(1), MaxValueValidator(72)]
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(failures__range=(0, 100), opt_outs__range=(0, 100), bounces__range=(0, 100),
                            complaints__range=(0, 100)),
                name="safetylimits_shares",
            ),
            models.CheckConstraint(condition=Q(min_sample__gte=1), name="safetylimits_sample"),
            models.CheckConstraint(condition=Q(window_hours__range=(1, 72)), name="safetylimits_window"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.failures} % of at least {self.min_sample}"
