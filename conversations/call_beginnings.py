"""What an account does before its first call: shown in the call queue until somebody was to be called."""

from dataclasses import dataclass

from accounts.models import Account, User
from conversations import agent_phones, call_routing
from conversations.models import CallSettings, PlannedCall
from integrations.models import SendingNumber


@dataclass(frozen=True, slots=True)
class Beginning:
    """One thing to do: whether it is done, and who may do it, by `accounts.access.CAN`."""

    name: str
    title: str
    note: str
    action: str
    url_name: str
    capability: str
    done: bool = False
    dialog: bool = False  # whether it opens as a question on the page


def of(account: Account, user: User) -> tuple[Beginning, ...]:
    """What is to be done, in its order; nothing once anybody was planned to be called. A few queries."""
    if PlannedCall.objects.filter(account=account).exists():
        return ()
    chosen = call_routing.settings_of(account.pk)
    taken = chosen.transfer_to != CallSettings.Transfer.OFFICE or bool(chosen.office_line)
    return (
        Beginning(
            "number", "Add a number", "Customers see it calling, and call it back.", "Add a number",
            "campaigns:numbers", "manage_numbers",
            done=SendingNumber.objects.filter(account=account, active=True).exists(),
        ),
        Beginning(
            "phone", "Set your own phone", "Every call rings it first, then the customer’s.",
            "Set your phone", "calls:phone", "call",
            done=agent_phones.of(account, user) is not None, dialog=True,
        ),
        Beginning(
            "office", "Say who takes customers’ calls",
            "An office line, or agents while they are available; without them callers leave a message.",
            "Open Settings, Calls", "conversations:calling", "manage_account", done=taken,
        ),
        Beginning(
            "workflow", "Draw a workflow that calls",
            "A call step brings its contacts here. Single customers are called from their page or thread.",
            "Open workflows", "campaigns:workflows", "edit_workflow",
        ),
    )  # fmt: skip
