from django.db import models

from common import clock


class CallScript(models.Model):
    """What a call node asked for when its calls were planned: words, tries, what becomes of machines. Equal
    ones of an account share a row, and a row never changes. `content` is a `conversations.call_scripts.Plan`.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "sha256"], name="callscript_content")]

    def __str__(self) -> str:
        return self.sha256[:8]
