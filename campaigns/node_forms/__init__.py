"""The forms of node kinds in the editor. A kind without one here gets a field for each of its settings."""

from campaigns.models import Node
from campaigns.node_forms.acts import BookJobForm, EndForm, HandoffForm, SendForm, UpdateContactForm
from campaigns.node_forms.base import NodeForm, PlainForm, plain
from campaigns.node_forms.calls import CallForm
from campaigns.node_forms.choices import BranchForm, SplitForm
from campaigns.node_forms.times import WaitForm, WaitForReplyForm

FORMS: dict[str, NodeForm] = {
    Node.Kind.SEND_SMS: SendForm(Node.Kind.SEND_SMS),
    Node.Kind.SEND_EMAIL: SendForm(Node.Kind.SEND_EMAIL),
    Node.Kind.CALL: CallForm(),
    Node.Kind.WAIT: WaitForm(),
    Node.Kind.WAIT_FOR_REPLY: WaitForReplyForm(),
    Node.Kind.BRANCH: BranchForm(),
    Node.Kind.SPLIT: SplitForm(),
    Node.Kind.UPDATE_CONTACT: UpdateContactForm(),
    Node.Kind.HANDOFF: HandoffForm(),
    Node.Kind.BOOK_JOB: BookJobForm(),
    Node.Kind.END: EndForm(),
}


def of(kind: str) -> NodeForm:
    """The form of a kind."""
    return FORMS.get(kind) or PlainForm(kind)


__all__ = ["FORMS", "NodeForm", "of", "plain"]
