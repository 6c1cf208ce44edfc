from conversations.models.agent_phone import AgentPhone
from conversations.models.attempt import Attempt
from conversations.models.brand import Brand
from conversations.models.call import Call
from conversations.models.call_script import CallScript
from conversations.models.call_settings import CallSettings
from conversations.models.contact_hold import ContactHold
from conversations.models.footer import Footer
from conversations.models.lane import Lane
from conversations.models.listening import Listening
from conversations.models.media_file import MediaFile
from conversations.models.message import Message
from conversations.models.message_price import MessagePrice
from conversations.models.message_template import MessageTemplate
from conversations.models.note import Note
from conversations.models.planned_call import PlannedCall
from conversations.models.price_reading import PriceReading
from conversations.models.reading import Reading
from conversations.models.reading_correction import ReadingCorrection
from conversations.models.received_email import ReceivedEmail
from conversations.models.received_media import ReceivedMedia
from conversations.models.safety_limits import SafetyLimits
from conversations.models.safety_pause import SafetyPause
from conversations.models.second_try import SecondTry
from conversations.models.sending_pause import SendingPause
from conversations.models.sending_problem import SendingProblem
from conversations.models.thread import Thread
from conversations.models.unit_pause import UnitPause

__all__ = [
    "AgentPhone",
    "Attempt",
    "Brand",
    "Call",
    "CallScript",
    "CallSettings",
    "ContactHold",
    "Footer",
    "Lane",
    "Listening",
    "MediaFile",
    "Message",
    "MessagePrice",
    "MessageTemplate",
    "Note",
    "PlannedCall",
    "PriceReading",
    "Reading",
    "ReadingCorrection",
    "ReceivedEmail",
    "ReceivedMedia",
    "SafetyLimits",
    "SafetyPause",
    "SecondTry",
    "SendingPause",
    "SendingProblem",
    "Thread",
    "UnitPause",
]
