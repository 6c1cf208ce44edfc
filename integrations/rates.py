"""What messages and calls cost: an account's table of rates, and money as people read it. Decimals only."""

from decimal import ROUND_HALF_UP, Decimal

from accounts.models import Account
from integrations.models import RateTable

CENT = Decimal("0.01")


def of(account: Account) -> RateTable:
    """The account's rates; unsaved list prices where nobody changed them."""
    return RateTable.objects.filter(account=account).first() or RateTable(account=account)


def texts(rates: RateTable, segments: int) -> Decimal:
    """What so many segments cost to send, carriers' fees included."""
    return Decimal(segments * (rates.segment_out + rates.carrier_fee))


def pictures(rates: RateTable, messages: int) -> Decimal:
    """What so many texts with pictures cost to send, carriers' fees included."""
    return Decimal(messages * (rates.mms_out + rates.carrier_fee_mms))


def emails(rates: RateTable, messages: int) -> Decimal:
    """What so many emails cost."""
    return Decimal(messages * rates.emails_thousand / 1000)


def received(rates: RateTable, segments: int, pictures: int = 0) -> Decimal:
    """What so many segments, and texts with pictures, cost to receive."""
    return Decimal(segments * rates.segment_in + pictures * rates.mms_in)


def calls(rates: RateTable, *, out: int = 0, into: int = 0, checks: int = 0, recorded: int = 0) -> Decimal:
    """What so many started minutes cost of phones that we ring, of customers' calls and of recordings, and
    so many checks whether a machine answered."""
    spoken = out * rates.minute_out + into * rates.minute_in
    return Decimal(spoken + checks * rates.machine_check + recorded * rates.minute_recorded)


def money(amount: Decimal) -> str:
    """“$1,234.50”; what is less than a cent but not nothing says so."""
    if 0 < amount < CENT:
        return "less than $0.01"
    rounded = amount.quantize(CENT, ROUND_HALF_UP)
    return f"-${-rounded:,}" if rounded < 0 else f"${rounded:,}"


def price(amount: Decimal) -> str:
    """A price per piece with the digits that it has, cents at least: “$0.0083”, “$1.00”."""
    return f"${max(amount.normalize(), amount.quantize(CENT), key=lambda d: -int(d.as_tuple().exponent)):f}"
