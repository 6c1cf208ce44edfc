"""What people write in a thread. The rules are `conversations.threads`'; these only read the fields."""

import uuid
from typing import Any

from django import forms

from common.segments import normalise_line_ends
from conversations.threads import MAX_BODY


class ReplyForm(forms.Form):
    """A text to the customer. `token` makes a second click find the first message."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    body = forms.CharField(
        label="Reply",
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_BODY, "aria-describedby": "reply-size"}),
        error_messages={"required": "Nothing was sent: the reply is empty."},
    )

    @classmethod
    def fresh(cls) -> "ReplyForm":
        """An empty form with a token of its own."""
        return cls(initial={"token": uuid.uuid4()})

    def clean_body(self) -> str:
        """Line ends as they will be sent."""
        return normalise_line_ends(self.cleaned_data["body"])


class NoteForm(forms.Form):
    """A note for colleagues."""

    body = forms.CharField(
        label="Note for colleagues",
        help_text="Only colleagues see it; it is never sent.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "The note is empty; nothing was kept."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_note_%s")
        super().__init__(*args, **kwargs)


class EscalateForm(forms.Form):
    """Why somebody with more say is needed."""

    reason = forms.CharField(
        max_length=200,
        label="Why this needs somebody else",
        error_messages={"required": "Say why this needs somebody else."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_escalate_%s")
        super().__init__(*args, **kwargs)


class OptOutForm(forms.Form):
    """The customer's words, kept as evidence."""

    evidence = forms.CharField(
        label="What the customer said",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_opt_out_%s")
        super().__init__(*args, **kwargs)
