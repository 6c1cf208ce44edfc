"""Settings, Do-not-call lists: uploading, looking, putting in force, removing."""

from datetime import date
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import do_not_call
from audiences.models import DoNotCallList
from audiences.uploads import Unreadable
from common import clock
from common.htmx import leave_for, respond_live, version_of

MOST_SHOWN = 200  # rejected rows on the page at once; the rest is in the box to copy
Kind = DoNotCallList.Kind


class UploadForm(forms.Form):
    """A list of phones and what it is."""

    kind = forms.ChoiceField(label="Which list", choices=Kind.choices)
    name = forms.CharField(label="Name", max_length=160, help_text="How you will know it again.")
    obtained_on = forms.DateField(
        label="Obtained on", widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For the national registry the day of the scrub: it may be relied on for 31 days.",
    )  # fmt: skip
    replaces = forms.ModelChoiceField(
        label="Takes the place of", queryset=DoNotCallList.objects.none(), required=False,
        empty_label="No list: it is added",
    )  # fmt: skip
    file = forms.FileField(
        label="File", allow_empty_file=True,
        help_text="CSV or plain text, up to 5 million rows. The registry’s own files are understood.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )  # fmt: skip

    def __init__(self, *args: Any, request: Request, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_force = access.rows(request, DoNotCallList.objects.in_force()).order_by("-confirmed_at")
        cast("forms.ModelChoiceField[DoNotCallList]", self.fields["replaces"]).queryset = in_force
        today = timezone.localdate(clock.now())
        self.fields["obtained_on"].widget.attrs["max"] = today.isoformat()

    def clean_obtained_on(self) -> date:
        """Refuse a day that lies ahead."""
        day: date = self.cleaned_data["obtained_on"]
        if day > timezone.localdate(clock.now()):
            raise forms.ValidationError("That day lies ahead. Choose the day on which you got the list.")
        return day

    def clean(self) -> dict[str, Any]:
        """A list takes the place of one of its own kind."""
        cleaned: dict[str, Any] = super().clean() or {}
        other = cleaned.get("replaces")
        if other is not None and other.kind != cleaned.get("kind"):
            self.add_error("replaces", "That is a list of the other kind. Choose one of the same kind.")
        return cleaned

    def keep(self, request: Request) -> DoNotCallList | None:
        """Take the file in; None, and an error on the form, where it is no list."""
        said = self.cleaned_data
        file = cast(UploadedFile, said["file"])
        upload = do_not_call.Upload(said["kind"], said["name"], said["obtained_on"], said["replaces"])
        try:
            return do_not_call.take_in(
                request.account, upload, file.file, file.size or 0,  # type: ignore[arg-type]
                by=request.user, now=clock.now(),
            )  # fmt: skip
        except Unreadable as unreadable:
            self.add_error("file", str(unreadable))
            return None


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def overview(request: Request) -> HttpResponse:
    """The lists in force, drafts, history, and a form for another."""
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = UploadForm(*sent, request=request)
    if request.method == "POST" and form.is_valid() and (kept := form.keep(request)):
        return redirect("audiences:do_not_call_list", kept.pk)
    today = timezone.localdate(clock.now())
    lists = access.rows(request, DoNotCallList).filter(discarded_at=None).select_related("by")
    rows = [
        (one, one.is_stale(today)) for one in lists.defer("rejected_rows").order_by("-uploaded_at", "-pk")
    ]
    context = {
        "form": form,
        "in_force": [row for row in rows if row[0].confirmed_at and not row[0].ended_at],
        "drafts": [one for one, _ in rows if not one.confirmed_at],
        "ended": [one for one, _ in rows if one.ended_at],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "settings/do_not_call.html", context, status=status)


@require_safe
@access.require("view")
def one(request: Request, pk: int) -> HttpResponse:
    """How far a list is read, then what was understood; live while it is read."""
    now = clock.now()
    kept = access.get(request, DoNotCallList.objects.select_related("by", "replaces"), pk)
    rejected = kept.rejected_rows.splitlines()
    left = kept.seconds_left(now)
    context = {
        "kept": kept,
        "stale": kept.is_stale(timezone.localdate(now)) and not kept.ended_at,
        "minutes": None if left is None else -(-int(left) // 60),
        "rejected": rejected[:MOST_SHOWN],
        "unkept": kept.rejected - len(rejected),
    }
    shown = (pk, kept.done, kept.read_at, kept.confirmed_at, kept.ended_at, context["minutes"])
    return respond_live(request, "settings/do_not_call_list.html", "list", context, version=version_of(shown))


@require_POST
@access.require("manage_compliance")
def confirm(request: Request, pk: int) -> HttpResponse:
    """Put a list in force."""
    kept = access.get(request, DoNotCallList, pk)
    if do_not_call.confirm(kept, by=request.user, now=clock.now()):
        messages.success(request, f"{kept.name} is in force: nothing automatic reaches its phones unasked.")
    elif not kept.confirmed_at:
        messages.error(request, "Nothing was changed: the list is not read to its end, or holds no phone.")
    return leave_for(request, "audiences:do_not_call_list", pk)


@require_POST
@access.require("manage_compliance")
def discard(request: Request, pk: int) -> HttpResponse:
    """Give up a draft."""
    kept = access.get(request, DoNotCallList, pk)
    if do_not_call.discard(kept, now=clock.now()):
        messages.success(request, f"{kept.name} is discarded. It was never in force.")
        return leave_for(request, "audiences:do_not_call")
    return leave_for(request, "audiences:do_not_call_list", pk)


@require_POST
@access.require("manage_compliance")
def remove(request: Request, pk: int) -> HttpResponse:
    """End a list in force."""
    kept = access.get(request, DoNotCallList, pk)
    if do_not_call.remove(kept, by=request.user, now=clock.now()):
        messages.success(request, f"{kept.name} is no longer in force. Its phones stay on record.")
    return leave_for(request, "audiences:do_not_call_list", pk)
