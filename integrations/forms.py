"""Forms of Settings: a provider's credentials, and sending numbers. A secret is asked for, never shown."""

import os
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from common.phone import parse_phone
from integrations import carrier_limits, checking, connections, numbers
from integrations.models import Connection, SendingNumber

# What a header can carry: whoever pastes a masked or broken secret is told, and nothing is sent anywhere.
_SECRET = RegexValidator(
    r"^[\x21-\x7e]+$", "A secret has no spaces and no special characters: copy it whole."
)
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_KEEP = "Leave empty to keep the present one."
SHORTEST_WEBHOOK_KEY = 32  # ServiceTitan's
MOST_SEGMENTS_PER_SECOND = 1000


def secret_field(
    label: str,
    help_text: str = "",
    *,
    required: bool = True,
    min_length: int | None = None,
    widget: forms.Widget | None = None,
) -> forms.CharField:
    hidden = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"})
    return forms.CharField(
        label=label,
        required=required,
        min_length=min_length,
        max_length=300,
        help_text=help_text,
        validators=[_SECRET],
        widget=widget or hidden,
    )


class ConnectionForm(forms.Form):
    """One provider's credentials. `settings` are shown again, `secrets` only ever replaced."""

    provider = ""
    settings: tuple[str, ...] = ()  # the first says whose account it is
    secrets: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()

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
        found = {name: self.cleaned_data[name] or present.get(name, "") for name in self.secrets}
        for name in self.optional_secrets:  # of another account it is none
            before = present.get(name, "") if self._same() else ""
            if name in present or self.cleaned_data[name]:
                found[name] = self.cleaned_data[name] or before
        return found

    def connection(self) -> Connection:
        """What was typed as a connection that is not saved, to be tried before it is kept."""
        return Connection(
            provider=self.provider, credentials=self.new_secrets(), settings=self.new_settings()
        )

    def tried(self) -> checking.Answer:
        """How what was typed fares at the provider."""
        return checking.stored(self.connection())


class ServiceTitanForm(ConnectionForm):
    """One tenant of ServiceTitan."""

    provider = Connection.Provider.SERVICETITAN
    settings = ("tenant_id", "booking_provider_id")
    secrets = ("app_key", "client_id", "client_secret")
    optional_secrets = ("webhook_key",)

    tenant_id = forms.RegexField(
        r"^\d{1,20}$",
        label="Tenant ID",
        error_messages={"invalid": "The tenant ID is a number, such as 985798691."},
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}),
    )
    booking_provider_id = forms.RegexField(
        r"^\d{1,18}$",
        label="Booking provider ID",
        required=False,
        help_text="Whose bookings ours are. Leave empty to use the tenant’s first.",
        error_messages={"invalid": "The booking provider ID is a number."},
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}),
    )
    client_id = secret_field("Client ID", widget=forms.TextInput(attrs=PLAIN))  # kept sealed, but no password
    app_key = secret_field("App key")
    client_secret = secret_field("Client secret")
    webhook_key = secret_field(
        "Webhook key",
        "The HMAC key of your app’s webhooks, 32 to 64 characters. Without one, changes arrive with the sync "
        "every five minutes.",
        required=False,
        min_length=SHORTEST_WEBHOOK_KEY,
    )

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
        widget=forms.TextInput(attrs=PLAIN),
    )
    auth_token = secret_field("Auth token")

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


class RateForm(forms.ModelForm):
    """Label and rate of a number."""

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


class NumberForm(RateForm):
    """What people may change about a number: also what the carriers' registry says of it, and its limits."""

    class Meta(RateForm.Meta):
        fields = [*numbers.CHANGEABLE]
        labels = {
            **RateForm.Meta.labels,
            "registration": "Registration",
            "brand_id": "Brand ID",
            "registered_campaign_id": "Registered campaign ID",
            "limit_class": "Class",
            "daily_cap": "Segments a day",
        }
        help_texts = {
            **RateForm.Meta.help_texts,
            "registration": "As your provider shows it: A2P 10DLC of a local number, verification of a "
            "toll-free one.",
            "brand_id": "Such as BN and 32 letters. Numbers of one brand share its daily cap.",
            "registered_campaign_id": "Such as CM and 32 letters: the registry’s campaign, none of yours.",
            "limit_class": "By the vetting score of the brand. It says how fast carriers take texts.",
            "daily_cap": "Of all numbers of the brand together, from midnight Pacific. Empty: what the class "
            "has, if anything.",
        }
        widgets = {
            **RateForm.Meta.widgets,
            "brand_id": forms.TextInput(attrs=PLAIN),
            "registered_campaign_id": forms.TextInput(attrs=PLAIN),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = carrier_limits.of_kind(self.instance.kind)
        self.fields["limit_class"] = forms.ChoiceField(
            label=self.fields["limit_class"].label,
            help_text=self.fields["limit_class"].help_text,
            required=False,
            choices=[("", "Not known"), *((limit.key, _class_words(limit)) for limit in offered)],
        )
        if self.instance.simulated:
            for name in ("registration", "brand_id", "registered_campaign_id"):
                del self.fields[name]
        else:
            known = [pair for pair in SendingNumber.Registration.choices if pair[0] != "not_needed"]
            self.fields["registration"] = forms.ChoiceField(
                label="Registration", choices=known, help_text=self.fields["registration"].help_text
            )

    def clean_daily_cap(self) -> int | None:
        """At least one segment, or no cap at all."""
        cap: int | None = self.cleaned_data["daily_cap"]
        if cap == 0:
            raise forms.ValidationError(
                "Type 1 or more, or leave it empty. Pausing the number sends nothing."
            )
        return cap

    def clean(self) -> dict[str, Any]:
        """No faster than the class allows, and with its daily cap where none was typed."""
        cleaned: dict[str, Any] = super().clean() or {}
        limit = carrier_limits.BY_KEY.get(cleaned.get("limit_class") or "")
        rate = cleaned.get("segments_per_second")
        if limit is not None and rate is not None and rate > limit.per_second:
            self.add_error(
                "segments_per_second",
                f"{limit.name}: carriers take at most {limit.per_second} segment"
                f"{'' if limit.per_second == 1 else 's'} a second. Choose a slower rate, or another class.",
            )
        typed = cleaned.get("daily_cap")
        if limit is not None and limit.per_day is not None and "daily_cap" not in self.errors:
            if typed is not None and typed > limit.per_day:
                self.add_error("daily_cap", f"{limit.name}: carriers take at most {limit.per_day:,} a day.")
            cleaned["daily_cap"] = typed or limit.per_day
        return cleaned


def _class_words(limit: carrier_limits.Limit) -> str:
    rate = f"{limit.per_second} segment{'' if limit.per_second == 1 else 's'} a second"
    return f"{limit.name}: {rate}" + (f", {limit.per_day:,} a day" if limit.per_day else "")


class NewNumberForm(RateForm):
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
