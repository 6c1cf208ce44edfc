"""Settings, Opt-outs, Register: every opt-out with its evidence, newest first, by position."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Request
from analytics.compliance import register
from audiences.models import Address, OptOut
from common.phone import display_phone
from conversations.models import Message
from integrations.models import SendingNumber

PER_PAGE = 50
STATES = [("", "All"), ("in_force", "In force"), ("ended", "Ended")]


class RegisterForm(forms.Form):
    """Which opt-outs to show."""

    q = forms.CharField(label="Phone, name or words", required=False, max_length=100)
    state = forms.ChoiceField(label="State", required=False, choices=STATES)
    door = forms.ChoiceField(
        label="How", required=False, choices=[("", "Every way"), *register.DOORS.items()]
    )
    number = forms.ChoiceField(label="Of our number", required=False)

    def __init__(self, data: Any, *, numbers: QuerySet[SendingNumber]) -> None:
        super().__init__(data)
        named = [(str(one.pk), one.label or display_phone(one.e164)) for one in numbers]
        self.fields["number"].choices = [("", "Every number"), *named]  # type: ignore[attr-defined]


@require_safe
@access.require("read_conversations")
def opt_out_register(request: Request) -> HttpResponse:
    """Opt-outs that match the filter, a page at a time by position (`before`): new ones shift nothing."""
    wishes = access.rows(request, OptOut)
    form = RegisterForm(request.GET, numbers=access.rows(request, SendingNumber).order_by("label", "e164"))
    found = matching(wishes, form.cleaned_data) if form.is_valid() else wishes.none()
    position = _position(request.GET.get("before", ""))
    if position is not None:
        found = found.filter(Q(at__lt=position[0]) | Q(at=position[0], pk__lt=position[1]))
    people = ("address", "contact", "by", "lifted_by")
    shown = list(found.select_related(*people).order_by("-at", "-pk")[: PER_PAGE + 1])
    page = shown[:PER_PAGE]
    context = {
        "form": form,
        "lines": [(register.line(wish), wish.contact_id) for wish in page],
        "older": _mark(page[-1]) if len(shown) > PER_PAGE else "",
        "later_page": position is not None,
        "download": {name: request.GET[name] for name in form.fields if request.GET.get(name)},
        "filtered": any(request.GET.get(name) for name in form.fields),
        "in_force": wishes.filter(lifted_at=None).count(),
    }
    return render(request, "settings/opt_out_register.html", context, status=422 if form.errors else 200)


def matching(wishes: QuerySet[OptOut], asked: dict[str, Any]) -> QuerySet[OptOut]:
    """Those of the opt-outs that a valid form asks for."""
    if asked["state"]:
        wishes = wishes.filter(lifted_at__isnull=asked["state"] == "in_force")
    if asked["door"]:
        wishes = wishes.filter(source=asked["door"])
    if asked["number"]:
        wishes = wishes.filter(
            Exists(Message.objects.filter(address=OuterRef("address"), number=asked["number"]))
        )
    if asked["q"]:
        wishes = wishes.filter(_search(asked["q"].strip()))
    return wishes


def _search(text: str) -> Q:
    """By words, by name, or by the digits of a phone."""
    digits = "".join(sign for sign in text if sign.isdecimal())
    phone = len(digits) >= 4 and not any(sign.isalpha() or sign == "@" for sign in text)
    addresses = Address.objects.filter(value__icontains=digits if phone else text)
    if phone:
        return Q(address__in=addresses.values("pk"))
    return Q(evidence__icontains=text) | Q(contact__name__icontains=text) | Q(address__value__icontains=text)


def _mark(wish: OptOut) -> str:
    """The position of an opt-out, as `before` takes it: microseconds and key."""
    since = wish.at - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{since // timedelta(microseconds=1)}-{wish.pk}"


def _position(mark: str) -> tuple[datetime, int] | None:
    """Where a page begins; nothing for a mark that is none."""
    moment, dash, pk = mark.partition("-")
    if not (dash and moment.isdecimal() and pk.isdecimal()) or len(moment) > 17 or len(pk) > 18:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(moment)), int(pk)
