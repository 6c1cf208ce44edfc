"""Forms of Settings: a provider's credentials, and sending numbers. A secret is asked for, never shown."""

import os
from typing import Any

from django import forms

from common.phone import parse_phone
from integrations import connections
from integrations.models import Connection, SendingNumber

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_KEEP = "Leave empty to keep the present one."
MOST_SEGMENTS_PER_SECOND = 1000


def _secret(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=300,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )


class ConnectionForm(forms.Form):
    """One provider's credentials. `settings` are shown again, `secrets` only ever replaced."""

    provider = ""
    settings: tuple[str, ...] = ()  # the first says whose account it is
    secrets: tuple[str, ...] = ()

    def __init__(self, *args: Any, kept: Connection | None, **kwargs: Any) -> None:
        self.kept = kept
        if kept is not None:
            kwargs.setdefault("initial", {name: kept.settings.get(name, "") for name in self.settings})
        super().__init__(*args, **kwargs)
        for name in self.secrets:
            if kept is not None and kept.credentials.get(name):
                self.fields[name].required = False
                self.fields[name].help_text = _KEEP

    def clean(self) -> dict[str, Any]:
        """The secrets of one account are no other's."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.kept is not None and self.settings[0] in cleaned and not self._same():
            for name in self.secrets:
                if name not in self.errors and not cleaned.get(name):
                    self.add_error(name, "This is another account than before: type its own.")
        return cleaned

    def _same(self) -> bool:
        """Whether what was typed is for the account that is connected already."""
        whose = self.settings[0]
        return self.kept is not None and str(self.kept.settings.get(whose, "")) == self.cleaned_data[whose]

    def new_settings(self) -> dict[str, str]:
        """The plain values and the addresses that belong to them."""
        plain = {name: self.cleaned_data[name] for name in self.settings if self.cleaned_data[name]}
        where = connections.addresses(
            self.kept, same=self._same(), provider=self.provider, environ=os.environ
        )
        return plain | where

    def new_secrets(self) -> dict[str, str]:
        """The secrets as they will be kept: those typed, else the present ones."""
        present = self.kept.credentials if self.kept else {}
        return {name: self.cleaned_data[name] or present.get(name, "") for name in self.secrets}

    def connection(self) -> Connection:
        """What was typed as a connection that is not saved, to be tried before it is kept."""
        return Connection(
            provider=self.provider, credentials=self.new_secrets(), settings=self.new_settings()
        )


class ServiceTitanForm(ConnectionForm):
    """One tenant of ServiceTitan."""

    provider = Connection.Provider.SERVICETITAN
    settings = ("tenant_id", "booking_provider_id")
    secrets = ("app_key", "client_id", "client_secret")

    tenant_id = forms.RegexField(
        r"^\d{1,20}$",
        label="Tenant ID",
        error_messages={"invalid": "The tenant ID is a number, such as 985798691."},
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
    )
    booking_provider_id = forms.RegexField(
        r"^\d{1,18}$",
        label="Booking provider ID",
        required=False,
        help_text="Whose bookings ours are. Leave empty to use the tenant’s first.",
        error_messages={"invalid": "The booking provider ID is a number."},
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
    )
    app_key = _secret("App key")
    client_id = _secret("Client ID")
    client_secret = _secret("Client secret")

    def __init__(self, *args: Any, mirrored: bool = False, **kwargs: Any) -> None:
        self.mirrored = mirrored
        super().__init__(*args, **kwargs)

    def clean_tenant_id(self) -> str:
        """One account is one tenant: ids of two would be mixed up."""
        wanted: str = self.cleaned_data["tenant_id"]
        present = str(self.kept.settings.get("tenant_id", "")) if self.kept else ""
        if self.mirrored and present and wanted != present:
            raise forms.ValidationError(
                f"The customers of tenant {present} are here already, and two tenants cannot share an "
                "account. Start another account for this tenant."
            )
        return wanted


class TwilioForm(ConnectionForm):
    """One Twilio account."""

    provider = Connection.Provider.TWILIO
    settings = ("account_sid",)
    secrets = ("auth_token",)

    account_sid = forms.RegexField(
        r"^AC[0-9a-fA-F]{32}$",
        label="Account SID",
        error_messages={"invalid": "The account SID is AC and 32 letters or digits."},
        widget=forms.TextInput(attrs=_PLAIN),
    )
    auth_token = _secret("Auth token")

    def clean_account_sid(self) -> str:
        """Another Twilio account does not have our numbers, so none may be sending."""
        wanted: str = self.cleaned_data["account_sid"]
        if self.kept is not None and self.kept.settings.get("account_sid") not in (None, wanted):
            active = self.kept.sending_numbers.filter(active=True).count()
            if active:
                raise forms.ValidationError(
                    f"{active} active numbers belong to the present account and could not send from another. "
                    "Pause them first."
                )
        return wanted


class NumberForm(forms.ModelForm):
    """What people may change about a number."""

    class Meta:
        model = SendingNumber
        fields = ["label", "segments_per_second"]
        labels = {"label": "Label", "segments_per_second": "Segments a second"}
        help_texts = {
            "label": "As people choose it when they launch.",
            "segments_per_second": "What the carrier releases: 1 for a long code, about 3 for toll-free, "
            "10 to 100 for a short code. Faster than that, texts are refused.",
        }
        widgets = {"label": forms.TextInput(attrs={"autocomplete": "off"})}

    def clean_segments_per_second(self) -> int:
        """Between one and what any carrier gives."""
        rate: int = self.cleaned_data["segments_per_second"]
        if not 1 <= rate <= MOST_SEGMENTS_PER_SECOND:
            raise forms.ValidationError(f"Choose a rate from 1 to {MOST_SEGMENTS_PER_SECOND:,}.")
        return rate


class NewNumberForm(NumberForm):
    """A number that the account's Twilio has, and that nobody uses here yet."""

    e164 = forms.CharField(
        label="Phone number",
        max_length=40,
        help_text="As your Twilio account has it, such as +1 312 555 0190.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )
    field_order = ["e164", "label", "segments_per_second"]

    def __init__(self, *args: Any, account_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account_id = account_id

    def clean_e164(self) -> str:
        """A possible number, in E.164, that no account of the deployment has."""
        phone = parse_phone(self.cleaned_data["e164"])
        if phone is None or phone.extension:
            raise forms.ValidationError("This is no phone number. Write it with its area code.")
        taken = SendingNumber.objects.filter(e164=phone.e164).first()
        if taken is not None and taken.account_id == self.account_id:
            raise forms.ValidationError("This number is in your list already.")
        if taken is not None:
            raise forms.ValidationError(
                "Another company on this server sends from this number. A reply could not tell the two apart."
            )
        return phone.e164
