"""Whose an email is: what stands in its design beside the words."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf import settings
from django.urls import reverse

from accounts.models import Account
from common.phone import display_phone
from conversations.emails import colours, markup
from conversations.models import Brand, MediaFile
from conversations.models.brand import DEFAULT_COLOUR
from integrations.models import SendingMailbox

_WIDEST, _HIGHEST = 200, 56  # pixels


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that stands for the company: where mail programs fetch it, and how large it is shown."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Identity:
    """The company as an email shows it. Equal identities make equal shells."""

    company: str
    postal_address: str = ""
    colour: str = DEFAULT_COLOUR
    phone: str = ""  # E.164; nothing: no line that invites to call
    logo: Logo | None = None

    def tidied(self) -> "Identity":
        """The same, without anything in its words that a provider would fill."""
        return replace(
            self, company=markup.line(self.company), postal_address=markup.tidy(self.postal_address)
        )

    @property
    def shown_phone(self) -> str:
        """The phone as people write it."""
        return display_phone(self.phone) if self.phone else ""

    @property
    def on_colour(self) -> str:
        """What is written on the brand's colour."""
        return colours.letters_on(self.colour)

    @property
    def lines(self) -> list[str]:
        """The postal address, line by line."""
        return [line.strip() for line in self.postal_address.splitlines() if line.strip()]


def of_mailboxes(mailbox_ids: Iterable[int]) -> dict[int, Identity]:
    """The identity behind each of these mailboxes. One query."""
    found = SendingMailbox.objects.filter(pk__in=set(mailbox_ids))
    found = found.select_related("account__brand__logo").defer("account__brand__logo__data")
    return {mailbox.pk: of(mailbox) for mailbox in found}


def of(mailbox: SendingMailbox) -> Identity:
    """The identity behind a mailbox; its name, else the account's, is the company's."""
    account = mailbox.account
    return _looking(account, mailbox.name or account.name, mailbox.postal_address)


def of_account(account: Account) -> Identity:
    """The identity of an account where no mailbox is named: that of the one its emails leave from."""
    mailbox = SendingMailbox.objects.of(account.pk)
    return of(mailbox) if mailbox else _looking(account, account.name, "")


def _looking(account: Account, company: str, postal_address: str) -> Identity:
    brand: Brand | None = getattr(account, "brand", None)
    if brand is None:
        return Identity(company, postal_address)
    logo = _logo(brand.logo) if brand.logo_id and brand.logo else None
    return Identity(company, postal_address, colour=brand.colour, phone=brand.phone, logo=logo)


def _logo(file: MediaFile) -> Logo:
    """As large as it fits into 200 by 56 pixels, never larger than it is."""
    width, height = file.width or _WIDEST, file.height or _HIGHEST
    scale = min(1.0, _WIDEST / width, _HIGHEST / height)
    url = f"{settings.PUBLIC_URL}{reverse('conversations:media', args=[file.token, file.name])}"
    return Logo(url, max(1, round(width * scale)), max(1, round(height * scale)))
