"""What we keep about vendors: connections, sending numbers, and their events as they arrived."""

from integrations.models.connection import Connection
from integrations.models.number_day import NumberDay
from integrations.models.number_pace import NumberPace
from integrations.models.provider_event import ProviderEvent
from integrations.models.sending_number import SendingNumber

__all__ = ["Connection", "NumberDay", "NumberPace", "ProviderEvent", "SendingNumber"]
