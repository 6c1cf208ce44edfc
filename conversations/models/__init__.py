from conversations.models.attempt import Attempt
from conversations.models.contact_hold import ContactHold
from conversations.models.footer import Footer
from conversations.models.lane import Lane
from conversations.models.listening import Listening
from conversations.models.message import Message
from conversations.models.message_template import MessageTemplate
from conversations.models.note import Note
from conversations.models.reading import Reading
from conversations.models.reading_correction import ReadingCorrection
from conversations.models.sending_pause import SendingPause
from conversations.models.thread import Thread

__all__ = [
    "Attempt",
    "ContactHold",
    "Footer",
    "Lane",
    "Listening",
    "Message",
    "MessageTemplate",
    "Note",
    "Reading",
    "ReadingCorrection",
    "SendingPause",
    "Thread",
]
