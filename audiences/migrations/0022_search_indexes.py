from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Reverse


class Migration(migrations.Migration):
    """What search reads: words of contacts, ends of phones and beginnings of mailboxes, numbers of jobs."""

    atomic = False
    dependencies = [("audiences", "0021_contact_words")]
    operations = [
        AddIndexConcurrently(
            model_name="address",
            index=models.Index(
                models.F("account"),
                OpClass(
                    models.Case(
                        models.When(channel="phone", then=Reverse("value")), default=models.F("value")
                    ),
                    name="text_pattern_ops",
                ),
                name="address_sought",
            ),
        ),
        AddIndexConcurrently(
            model_name="contact",
            index=GinIndex(
                models.Func(
                    models.F("account"), models.F("name"), models.F("street"), models.F("city"),
                    models.F("zip"), function="contact_words",
                ),
                gin_pending_list_limit=1024,
                name="contact_words",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["account", "number"], name="job_number", opclasses=["int8_ops", "text_pattern_ops"]
            ),
        ),
    ]  # fmt: skip
