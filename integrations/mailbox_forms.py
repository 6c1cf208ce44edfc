"""Forms of what emails come from: the account's own mailbox with SendGrid's key, and business units'."""

import os
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import BusinessUnit
from integrations import checking
from integrations.forms import PLAIN, ConnectionForm, secret_field
from integrations.models import Connection, SendingMailbox
from integrations.sendgrid import signatures
from integrations.sendgrid.client import SendGridAccess

MOST_EMAILS_PER_SECOND = 1000
MAILBOX_FIELDS = ("email", "name", "reply_to", "postal_address", "emails_per_second")


class MailboxForm(forms.Form):
    """What stands in an email's head and below it."""

    email = forms.EmailField(
        label="Emails come from",
        max_length=254,
        help_text="A mailbox that somebody reads: customers answer to it, also to get no more emails. "
        "SendGrid must have verified it or its domain.",
        widget=forms.EmailInput(attrs={**PLAIN, "inputmode": "email"}),
    )
    name = forms.CharField(
        label="Shown as",
        max_length=80,
        required=False,
        help_text="The sender’s name in the inbox, such as your company’s.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reply_to = forms.EmailField(
        label="Answers go to",
        max_length=254,
        required=False,
        help_text="Leave empty if they go where the email came from.",
        widget=forms.EmailInput(attrs={**PLAIN, "inputmode": "email"}),
    )
    postal_address = forms.CharField(
        label="Postal address",
        max_length=200,
        required=False,
        help_text="Stands below every email. US law asks for one below marketing emails (CAN-SPAM).",
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    emails_per_second = forms.IntegerField(
        label="Emails a second",
        min_value=1,
        max_value=MOST_EMAILS_PER_SECOND,
        help_text="A new sender should begin slowly: mail servers trust it little by little.",
    )

    def clean_email(self) -> str:
        """Mailboxes differ in nothing but their letters."""
        wanted: str = self.cleaned_data["email"]
        return wanted.lower()

    def clean_reply_to(self) -> str:
        """As `clean_email`."""
        wanted: str = self.cleaned_data["reply_to"]
        return wanted.lower()

    def clean_name(self) -> str:
        """One line, whatever is sent to us: it stands in a header of every email."""
        name: str = self.cleaned_data["name"]
        return " ".join(name.split())

    def mailbox(self) -> dict[str, Any]:
        """What was typed of the mailbox."""
        return {name: self.cleaned_data[name] for name in MAILBOX_FIELDS}


class SendGridForm(ConnectionForm, MailboxForm):
    """One SendGrid account, and the mailbox that emails come from. Where the environment sets the key
    (`fixed`), only the mailbox is asked for."""

    provider = Connection.Provider.SENDGRID
    settings = (signatures.KEY,)
    secrets = ("api_key",)
    field_order = ["api_key", signatures.KEY]

    api_key = secret_field("API key", "Made at SendGrid under Settings, API Keys; it needs “Mail Send”.")
    webhook_public_key = forms.CharField(
        label="Verification key of the Event Webhook",
        required=False,
        max_length=1000,
        help_text="SendGrid shows it under Settings, Mail Settings, Event Webhook, once “Signed Event "
        "Webhook” is on. Without it nobody tells what was delivered, bounced or reported as spam.",
        widget=forms.TextInput(attrs=PLAIN),
    )

    def __init__(
        self, *args: Any, kept: Connection | None, mailbox: SendingMailbox | None, fixed: bool, **kwargs: Any
    ) -> None:
        of_mailbox = mailbox or SendingMailbox()
        own = {name: kept.settings.get(name, "") for name in self.settings} if kept is not None else {}
        kwargs.setdefault("initial", own | {name: getattr(of_mailbox, name) for name in MAILBOX_FIELDS})
        super().__init__(*args, kept=kept, **kwargs)
        if fixed:
            del self.fields["api_key"]
            if os.environ.get("SENDGRID_WEBHOOK_PUBLIC_KEY"):
                del self.fields[signatures.KEY]

    def clean(self) -> dict[str, Any]:
        """A key says nothing of whose it is, so there is nothing to compare."""
        return forms.Form.clean(self) or {}

    def clean_webhook_public_key(self) -> str:
        """A key that can verify something, or none."""
        typed: str = self.cleaned_data[signatures.KEY].strip()
        if typed and signatures.public_key(typed) is None:
            raise forms.ValidationError("This is no verification key. Copy it whole from SendGrid’s page.")
        return typed

    def _same(self) -> bool:
        typed = self.cleaned_data.get("api_key")
        return self.kept is not None and typed in ("", None, self.kept.credentials.get("api_key"))

    def new_secrets(self) -> dict[str, str]:
        """The key typed, else the present one."""
        present = self.kept.credentials if self.kept else {}
        return {"api_key": self.cleaned_data.get("api_key") or present.get("api_key", "")}

    def new_settings(self) -> dict[str, str]:
        """The verification key typed, else the one kept, with the address that belongs to the API key."""
        present = str(self.kept.settings.get(signatures.KEY, "")) if self.kept else ""
        self.cleaned_data.setdefault(signatures.KEY, present)
        return super().new_settings()

    @property
    def changes_connection(self) -> bool:
        """Whether anything but the mailbox would be another than before."""
        if self.kept is None:
            return True
        before = {key: value for key in self.settings if (value := self.kept.settings.get(key))}
        after = {key: value for key, value in self.new_settings().items() if key in self.settings}
        return before != after or self.new_secrets() != self.kept.credentials

    def tried(self) -> checking.Answer:
        """How an email from the typed mailbox would fare."""
        access = SendGridAccess.of(self.connection())
        return checking.of_sendgrid(access, self.cleaned_data["email"])


class UnitSenderForm(MailboxForm):
    """What the emails of one business unit come from. `units` are those to choose from; None: it is known."""

    field_order = ["business_unit"]

    def __init__(
        self,
        *args: Any,
        connection: Connection,
        like: SendingMailbox,
        units: QuerySet[BusinessUnit] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("initial", {name: getattr(like, name) for name in MAILBOX_FIELDS})
        super().__init__(*args, **kwargs)
        self._connection = connection
        if units is not None:
            self.fields["business_unit"] = forms.ModelChoiceField(
                units,
                label="Business unit",
                empty_label="Choose one",
                help_text="Its campaigns are those whose audience or targeting names this unit and no other.",
                error_messages={"invalid_choice": "This business unit has a sender already, or is gone."},
            )
            self.order_fields(self.field_order)

    def tried(self) -> checking.Answer:
        """How an email from the typed mailbox would fare."""
        return checking.of_sendgrid(SendGridAccess.of(self._connection), self.cleaned_data["email"])
