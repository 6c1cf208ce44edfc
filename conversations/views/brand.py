"""Settings, Email look: the colour and the phone that every email of the account carries."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import Request
from common import clock
from common.phone import display_phone, parse_phone
from conversations import brands
from conversations.emails import colours, identity
from conversations.media_types import NotTaken
from conversations.models import Brand


class BrandForm(forms.Form):
    """What people choose; the browser's own colour box gives `#rrggbb`."""

    colour = forms.CharField(
        label="Your colour",
        max_length=7,
        widget=forms.TextInput(attrs={"type": "color"}),
        help_text="Of bands and buttons. Letters on it turn white or dark, whichever is read better.",
    )
    logo = forms.FileField(
        label="Logo",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        help_text="PNG or JPEG, at most 150 kB. It stands on white, in place of your name.",
    )
    drop_logo = forms.BooleanField(label="Take the logo out", required=False)
    phone = forms.CharField(
        label="Phone to call",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text="Stands below every email. Leave it empty, and no email invites to call.",
    )

    def clean_colour(self) -> str:
        """Six hexadecimal digits after a #, small."""
        colour = str(self.cleaned_data["colour"]).strip().lower()
        if not colours.is_colour(colour):
            raise forms.ValidationError("That is no colour: write # and six digits, such as #1f5f8b.")
        return colour

    def clean_phone(self) -> str:
        """E.164, or nothing."""
        written = str(self.cleaned_data["phone"]).strip()
        phone = parse_phone(written) if written else None
        if written and phone is None:
            raise forms.ValidationError("That is no phone number: write it with its area code.")
        return phone.e164 if phone else ""


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_account")
def brand(request: Request) -> HttpResponse:
    """Colour and phone, with the designs beside them as they look in these."""
    chosen = brands.of(request.account)
    initial = {"colour": chosen.colour, "phone": display_phone(chosen.phone) if chosen.phone else ""}
    posted = request.method == "POST"
    form = BrandForm(request.POST if posted else None, request.FILES if posted else None, initial=initial)
    if posted and form.is_valid() and _saved(request, form, chosen):
        messages.success(request, "Saved. Emails that leave from now on look so.")
        return redirect("conversations:brand")
    shown = identity.of_account(request.account)
    context = {
        "form": form,
        "has_logo": chosen.logo_id is not None,
        "shown": shown,
        "letters": "White" if shown.on_colour == colours.WHITE else "Dark",
        "contrast": colours.contrast(shown.on_colour, shown.colour),
        "accent": colours.readable(shown.colour, colours.WHITE),
    }
    return render(request, "settings/brand.html", context, status=422 if form.errors else 200)


def _saved(request: Request, form: BrandForm, before: Brand) -> bool:
    """Keep what the form says; False, with its error, for a logo that cannot be one."""
    said, now = form.cleaned_data, clock.now()
    logo = None if said["drop_logo"] else before.logo
    if file := said["logo"]:
        try:
            if file.size > brands.LARGEST_UPLOAD:
                raise NotTaken("Choose a picture, PNG or JPEG, of at most 1 MB.")
            logo = brands.take_logo(request.account, file.read(), file.name, by=request.user, now=now)
        except NotTaken as refused:
            form.add_error("logo", str(refused))
            return False
    brands.change(
        request.account, colour=said["colour"], phone=said["phone"], logo=logo, by=request.user, now=now
    )
    return True
