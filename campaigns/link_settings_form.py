"""The form of Settings, Links."""

import re
from typing import Any

from django import forms

from campaigns import link_domains
from campaigns.link_rules import host_problem
from campaigns.models import LinkSettings
from campaigns.models.link_settings import MOST_DAYS

_PARAMETER = re.compile(r"[\w.+-]*", re.ASCII)
_LOCAL = re.compile(r"(localhost|127\.0\.0\.\d{1,3})(:\d{1,5})?")


class LinkSettingsForm(forms.ModelForm):
    """Domain, expiry, and what web analytics reads."""

    expires_days = forms.IntegerField(
        label="Links work for",
        min_value=1,
        max_value=MOST_DAYS,
        help_text=f"Days after sending, 1 to {MOST_DAYS:,}. Afterwards people see a page with your number.",
    )

    class Meta:
        model = LinkSettings
        fields = ["domain", "expires_days", "utm", "utm_source", "utm_medium", "utm_campaign"]
        labels = {
            "domain": "Your own domain",
            "utm": "Add UTM parameters to links",
            "utm_source": "Source",
            "utm_medium": "Medium",
            "utm_campaign": "Campaign",
        }
        help_texts = {
            "domain": "For example go.yourcompany.com. Empty: links stand under our address.",
            "utm_medium": "Empty: sms or email, whichever it is.",
            "utm_campaign": "Empty: the campaign’s name.",
        }

    def clean_domain(self) -> str:
        """A name alone: no scheme, no path."""
        name = str(self.cleaned_data["domain"]).strip().lower()
        name = re.sub(r"^https?://", "", name).rstrip("/.")
        if not name or (link_domains.private() and _LOCAL.fullmatch(name)):
            return name
        if "/" in name or ":" in name or "@" in name:
            raise forms.ValidationError(
                "Only the name, such as go.yourcompany.com, without anything behind it."
            )
        if wrong := host_problem(name):
            raise forms.ValidationError(f"This domain cannot be used: {wrong}")
        return name.encode("idna").decode()

    def clean(self) -> dict[str, Any]:
        """What stands in an address as it is."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("utm_source", "utm_medium", "utm_campaign"):
            if not _PARAMETER.fullmatch(cleaned.get(name) or ""):
                self.add_error(name, "Letters, digits, dots, hyphens and underscores only.")
        return cleaned
