"""What we keep about vendors: connections, numbers and mailboxes we send from, and events as they came."""

from integrations.models.connection import Connection
from integrations.models.number_day import NumberDay
from integrations.models.number_pace import NumberPace
from integrations.models.provider_event import ProviderEvent
from integrations.models.rate_table import RateTable
from integrations.models.request_budget import RequestBudget
from integrations.models.sending_mailbox import SendingMailbox
from integrations.models.sending_number import SendingNumber

__all__ = [
    "Connection",
    "NumberDay",
    "NumberPace",
    "ProviderEvent",
    "RateTable",
    "RequestBudget",
    "SendingMailbox",
    "SendingNumber",
]
