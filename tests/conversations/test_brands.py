"""How an account's emails look: chosen by an admin, kept readable, and the same everywhere."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import AuditEntry, Role
from conversations import brands
from conversations.emails import identity, shells
from conversations.emails.words import DESIGNS
from conversations.models import Brand
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in

pytestmark = pytest.mark.django_db


def picture(width: int, height: int, form: str = "PNG") -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "#0a7d5a").save(data, form)
    return SimpleUploadedFile(f"Our logo.{form.lower()}", data.getvalue(), f"image/{form.lower()}")


@pytest.fixture
def account():
    return make_account("Lakeside Heating")


@pytest.fixture
def admin(account) -> Client:
    return signed_in(make_member(account, Role.ADMIN))


def chosen(**more) -> dict:
    return {"colour": "#0A7D5A", "phone": "(312) 555-0142", **more}


def test_what_is_chosen_stands_in_every_design(account, admin: Client) -> None:
    mailbox = factories.make_mailbox(account, name="Lakeside", postal_address="12 Elm Street")
    answer = admin.post(reverse("conversations:brand"), chosen(logo=picture(800, 200)))
    assert answer.status_code == 302
    shown = identity.of_mailboxes([mailbox.pk])[mailbox.pk]
    assert (shown.company, shown.colour, shown.phone) == ("Lakeside", "#0a7d5a", "+13125550142")
    assert shown.logo and (shown.logo.width, shown.logo.height) == (200, 50)
    assert shown == identity.of_account(account)
    for design in DESIGNS:
        html = shells.shell(design, "en", shown).html
        assert f'src="{shown.logo.url}"' in html and 'alt="Lakeside"' in html and "#0a7d5a" in html
    path = shown.logo.url.partition("/m/")[2]
    fetched = Client().get(f"/m/{path}")
    assert fetched.status_code == 200
    assert fetched.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert AuditEntry.objects.filter(account=account, verb="changed_brand").count() == 1


def test_a_logo_stays_until_it_is_taken_out(account, admin: Client) -> None:
    page = reverse("conversations:brand")
    admin.post(page, chosen(logo=picture(100, 100, "JPEG")))
    admin.post(page, chosen(phone=""))
    kept = Brand.objects.get()
    assert kept.logo is not None and kept.phone == ""
    admin.post(page, chosen(drop_logo="on"))
    assert Brand.objects.get().logo is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", "red"), ("colour", "#12345"), ("phone", "12"),
        ("logo", SimpleUploadedFile("x.svg", b"<svg onload='alert(1)'/>")),
        ("logo", SimpleUploadedFile("x.png", b"\x89PNG\r\n\x1a\nbroken")),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_the_reason(admin: Client, field: str, value: object) -> None:
    answer = admin.post(reverse("conversations:brand"), chosen(**{field: value}))
    assert answer.status_code == 422 and "field__error" in answer.text
    assert not Brand.objects.exists()


def test_a_heavy_logo_is_refused(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brands, "LARGEST_LOGO", 50)
    answer = admin.post(reverse("conversations:brand"), chosen(logo=picture(400, 400)))
    assert answer.status_code == 422 and "Save it smaller" in answer.text


def test_others_may_look_and_not_change(account) -> None:
    csr = signed_in(make_member(account, Role.CSR))
    assert "Save look" not in csr.get(reverse("conversations:brand")).text
    assert csr.post(reverse("conversations:brand"), chosen()).status_code == 403


def test_identities_of_many_mailboxes_take_one_question(
    account, admin: Client, django_assert_num_queries
) -> None:
    mailbox = factories.make_mailbox(account)
    admin.post(reverse("conversations:brand"), chosen(logo=picture(10, 10)))
    with django_assert_num_queries(1):
        assert identity.of_mailboxes([mailbox.pk])[mailbox.pk].logo is not None
