from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The lists behind numbers of calls, along indexes."""

    atomic = False  # built beside a running system

    dependencies = [("conversations", "0036_keys_of_calls")]

    operations = [
        AddIndexConcurrently(
            "call",
            models.Index(
                fields=["account", "accepted_at"], name="call_accepted",
                condition=Q(accepted_at__isnull=False),
            ),
        ),
        AddIndexConcurrently(
            "plannedcall",
            models.Index(fields=["lane", "outcome"], name="plannedcall_outcome", condition=~Q(outcome="")),
        ),
        AddIndexConcurrently(
            "plannedcall",
            models.Index(
                fields=["lane", "opted_out_at"], name="plannedcall_opted_out",
                condition=Q(opted_out_at__isnull=False),
            ),
        ),
    ]  # fmt: skip
