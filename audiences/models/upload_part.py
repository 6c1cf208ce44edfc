from django.db import models


class UploadPart(models.Model):
    """A piece of an uploaded file that is still to be read: whole rows, about a megabyte of them."""

    first_row = models.PositiveIntegerField(help_text="The number of its first row in the file")
    rows = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        abstract = True
