"""The registry of node kinds. Adding one: a module here, a template, a test, a word in `Node.Kind`."""

from campaigns.nodes.base import NodeKind
from campaigns.nodes.book_job import BookJob
from campaigns.nodes.branch import Branch
from campaigns.nodes.call import Call
from campaigns.nodes.end import End
from campaigns.nodes.handoff import Handoff
from campaigns.nodes.send_email import SendEmail
from campaigns.nodes.send_sms import SendSms
from campaigns.nodes.split import Split
from campaigns.nodes.update_contact import UpdateContact
from campaigns.nodes.wait import Wait
from campaigns.nodes.wait_for_reply import WaitForReply

KINDS: dict[str, NodeKind] = {
    kind.kind: kind
    for kind in (
        SendSms(), SendEmail(), Call(), Wait(), WaitForReply(), Branch(), Split(), UpdateContact(), Handoff(),
        BookJob(), End(),
    )
}  # fmt: skip

__all__ = ["KINDS", "NodeKind"]
