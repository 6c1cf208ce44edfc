"""Settings, Consents, Import: a list of written agreements, recorded row by row, with what was refused."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import Request
from audiences import consent_lists, consent_records
from audiences.uploads import Unreadable
from common import clock

MOST_SHOWN = 200


class ConsentListForm(forms.Form):
    """The file."""

    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        help_text="CSV with the columns phone, kind (texts or recorded calls), date, proof and source; at "
        "most 10,000 rows.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )


@require_http_methods(["GET", "POST"])
@access.require("manage_compliance")
def bring(request: Request) -> HttpResponse:
    """Record what can be recorded; say of every other row why not."""
    form = ConsentListForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    result = _record(request, form) if request.method == "POST" and form.is_valid() else None
    if result and not result["rejected"]:
        messages.success(request, f"{result['recorded']:,} consents are on record.")
        return redirect("audiences:consents")
    status = 422 if request.method == "POST" and result is None else 200
    return render(request, "settings/consents_import.html", {"form": form, "result": result}, status=status)


def _record(request: Request, form: ConsentListForm) -> dict[str, Any] | None:
    """What became of the rows; None, and an error on the form, where the file is no list."""
    file = form.cleaned_data["file"]
    try:
        found = consent_lists.read(file.file, file.size, request.account.zone)
    except Unreadable as unreadable:
        form.add_error("file", str(unreadable))
        return None
    words = consent_records.record_all(
        request.account, [(phone, said) for _, phone, said in found.rows],
        name=file.name[-160:], by=request.user, now=clock.now(),
    )  # fmt: skip
    refused = [(number, why) for (number, _, _), why in zip(found.rows, words, strict=True) if why]
    rejected = sorted([*found.rejected, *refused])
    return {
        "recorded": words.count(""),
        "rejected": rejected[:MOST_SHOWN],
        "rejections": len(rejected),
        "all": "\n".join(f"Row {number:,}: {why}" for number, why in rejected),
    }
