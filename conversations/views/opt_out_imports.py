"""Settings, Opt-outs: importing the people who asked to be left alone before this product knew them."""

import io
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import opt_out_lists
from audiences.models import OptOut, OptOutImport
from audiences.uploads import Unreadable
from common import clock
from common.htmx import respond_live, version_of
from conversations import opt_out_imports

MOST_PASTED = 1_000_000  # characters; more is a file
MOST_SHOWN = 200  # rejected rows on the page at once; the rest is in the box to copy


class OptOutListForm(forms.Form):
    """A list, pasted or as a file."""

    pasted = forms.CharField(
        label="Or paste phones and emails",
        required=False,
        max_length=MOST_PASTED,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One a line, or rows copied from a spreadsheet.",
        error_messages={"max_length": "That is too much to paste. Upload it as a file."},
    )
    file = forms.FileField(
        label="Upload a file",
        required=False,
        allow_empty_file=True,
        help_text="CSV or plain text, at most 10 MB and 100,000 rows.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )

    def clean(self) -> dict[str, Any]:
        """Read whichever was given; both or neither is refused."""
        cleaned: dict[str, Any] = super().clean() or {}
        pasted, file = cleaned.get("pasted"), cleaned.get("file")
        if self.errors:
            return cleaned
        if bool(pasted) == (file is not None):
            raise forms.ValidationError("Paste a list or upload a file: one of the two.")
        try:
            cleaned["found"] = self._read(pasted or "", file)
        except Unreadable as unreadable:
            self.add_error("file" if file is not None else "pasted", str(unreadable))
        return cleaned

    def _read(self, pasted: str, file: UploadedFile | None) -> opt_out_lists.OptOutList:
        if file is None:
            data = pasted.encode()
            return opt_out_lists.read(io.BytesIO(data), len(data))
        return opt_out_lists.read(file.file, file.size or 0)  # type: ignore[arg-type]

    def source(self) -> str:
        """What the list is called from now on."""
        file = self.cleaned_data.get("file")
        return (file.name if file is not None else "A pasted list")[-160:]


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def overview(request: Request) -> HttpResponse:
    """Earlier imports and a form for another; what is read is shown before anything is recorded."""
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = OptOutListForm(*sent)
    if request.method == "POST" and form.is_valid():
        found = form.cleaned_data["found"]
        listed = opt_out_imports.draft(
            request.account, found, name=form.source(), by=request.user, now=clock.now()
        )
        return redirect("conversations:opt_out_import", listed.pk)
    imports = access.rows(request, OptOutImport).exclude(confirmed_at=None).select_related("by")
    context = {
        "form": form,
        "imports": list(imports.defer("values", "rejected_rows").order_by("-confirmed_at")[:50]),
        "in_force": access.rows(request, OptOut).filter(lifted_at=None).count(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "settings/opt_outs.html", context, status=status)


@require_safe
@access.require("manage_compliance")
def one(request: Request, pk: int) -> HttpResponse:
    """A draft to look at, or how far its recording is; live."""
    listed = access.get(request, OptOutImport.objects.select_related("by"), pk)
    rejected = listed.rejected_rows.splitlines()
    context = {
        "listed": listed,
        "known": listed.known if listed.confirmed_at else opt_out_imports.known_already(listed),
        "rejected": rejected[:MOST_SHOWN],
        "unkept": listed.rejected - len(rejected),
    }
    version = version_of((listed.done, listed.recorded, listed.confirmed_at, listed.finished_at, pk))
    return respond_live(request, "settings/opt_outs_import.html", "import", context, version=version)


@require_POST
@access.require("manage_compliance")
def confirm(request: Request, pk: int) -> HttpResponse:
    """Record a draft."""
    listed = access.get(request, OptOutImport, pk)
    if not listed.accepted:
        messages.error(request, "Nothing was recorded: no row of this list could be taken.")
        return redirect("conversations:opt_outs")
    opt_out_imports.confirm(listed, by=request.user, now=clock.now())
    return redirect("conversations:opt_out_import", listed.pk)


@require_POST
@access.require("manage_compliance")
def none(request: Request) -> HttpResponse:
    """Declare that there is nothing to import."""
    opt_out_imports.declare_none(request.account, by=request.user, now=clock.now())
    messages.success(
        request, "Noted: there are no earlier opt-outs to import. You can still import some later."
    )
    return redirect("conversations:opt_outs")
