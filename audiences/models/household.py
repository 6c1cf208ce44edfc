from django.db import models


class Household(models.Model):
    """Residential contacts whose service address normalises alike, else one ServiceTitan customer.

    Commercial contacts stand alone. The row is the first lock of every claim: caps per home are
    counted under it.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="households", db_index=False
    )  # household_key begins with it
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="household_key")]

    def __str__(self) -> str:
        return self.key
