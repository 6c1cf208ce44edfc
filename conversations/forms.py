"""What people write in a thread. The rules are `conversations.threads`'; these only read the fields."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from audiences.models import Address
from audiences.templatetags.addresses import shown
from common.segments import count_segments, normalise_line_ends
from conversations import footers, reading_words
from conversations.models.footer import LONGEST
from conversations.threads import MAX_BODY

EVERYTHING = "everything"


class ReplyForm(forms.Form):
    """A text to the customer. `token` makes a second click find the first message."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    body = forms.CharField(
        label="Reply",
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_BODY, "aria-describedby": "id_body-size"}),
        required=False,  # a picture may go alone
    )

    @classmethod
    def fresh(cls, body: str = "") -> "ReplyForm":
        """A form with a token of its own, and perhaps words to go on with."""
        return cls(initial={"token": uuid.uuid4(), "body": body})

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
    """How much an agent closes, and the customer's words, kept as evidence.

    `addresses` are those that may be closed alone; everything is closed unless one of them is chosen.
    """

    scope = forms.ChoiceField(label="What is closed", required=False, widget=forms.RadioSelect)
    evidence = forms.CharField(
        label="What the customer said",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, addresses: Sequence[Address] = (), **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_opt_out_%s")
        super().__init__(*args, **kwargs)
        self.addresses = {str(address.pk): address for address in addresses}
        scope = self.fields["scope"]
        scope.initial = EVERYTHING
        alone = [(key, f"Only {shown(address)}") for key, address in self.addresses.items()]
        scope.choices = [(EVERYTHING, "Every phone and mailbox"), *alone]  # type: ignore[attr-defined]

    @property
    def only(self) -> Address | None:
        """The one address to close, or None for all of them. Of a valid form."""
        return self.addresses.get(self.cleaned_data["scope"])


class OptInForm(forms.Form):
    """The customer's written words, without which no opt-out is undone."""

    words = forms.CharField(
        label="What the customer wrote or signed",
        help_text="Word for word, and where: “Letter of Nov 3: please text me again.”",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write down what the customer said. Without it nobody may undo."},
    )


class CorrectionForm(forms.Form):
    """How a reply should have been read, and what that asks for: how much to close, or the words to open."""

    label = forms.ChoiceField(
        label="It should be read as",
        widget=forms.RadioSelect,
        choices=list(reading_words.LABELS.items()),
        error_messages={"required": "Choose how it should be read."},
    )
    this_phone_only = forms.BooleanField(required=False)
    words = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))


class FooterForm(forms.Form):
    """The line that first texts end with, in both languages."""

    english = forms.CharField(
        label="English", max_length=LONGEST, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    spanish = forms.CharField(
        label="Spanish",
        max_length=LONGEST,
        help_text="For contacts whose language is Spanish.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "lang": "es"}),
    )

    def clean_english(self) -> str:
        """One line that names STOP."""
        return self._checked("english", footers.ENGLISH)

    def clean_spanish(self) -> str:
        """One line that names STOP."""
        return self._checked("spanish", footers.SPANISH)

    def _checked(self, name: str, example: str) -> str:
        line = " ".join(str(self.cleaned_data[name]).split())
        if "{" in line:
            raise forms.ValidationError("The line is the same for everybody: leave merge fields out.")
        if not re.search(r"\bstop\b", line, re.IGNORECASE) or not footers.tells_opt_out(line):
            raise forms.ValidationError(f"The line must say how STOP opts out, such as “{example}”.")
        size = count_segments(line)
        if size.forced_by:
            raise forms.ValidationError(
                f"“{size.forced_by}” would make every first text more than twice as long to send."
            )
        return line
