"""Whether carriers know a number's sender: what its registration means for a launch, in words."""

from integrations.models import SendingNumber

State = SendingNumber.Registration
WORDS: dict[str, str] = {
    State.NOT_NEEDED: "Not needed",
    State.UNKNOWN: "Not known",
    State.NOT_REGISTERED: "Not registered",
    State.PENDING: "Pending",
    State.REGISTERED: "Registered",
    State.REJECTED: "Rejected",
}
MEANS: dict[str, str] = {
    State.NOT_NEEDED: "It is simulated: its texts reach no carrier.",
    State.UNKNOWN: "Carriers block unregistered numbers. Look it up at your provider, then set it here.",
    State.NOT_REGISTERED: "Carriers block its texts: nothing can be launched from it until it is.",
    State.PENDING: "Carriers block its texts until the registration is through. Launches wait for that.",
    State.REGISTERED: "Carriers know who sends. It can be launched from.",
    State.REJECTED: "The registry refused it, and carriers block its texts. Nothing can be launched from it.",
}
_WHY = {
    State.NOT_REGISTERED: "is not registered with the carriers",
    State.PENDING: "is not registered with the carriers yet: its registration is pending",
    State.REJECTED: "was rejected when it was registered with the carriers",
}


def problem(number: SendingNumber) -> str:
    """Why nothing can be launched from a number, and what to do; nothing where it can."""
    why = _WHY.get(State(number.registration_state))
    if why is None:
        return ""
    return (
        f"{number} {why}, so they would block its texts. Choose another number, or set its state under "
        "Settings, Numbers once your provider says that it is registered."
    )


def warning(number: SendingNumber) -> str:
    """What somebody should know before launching from a number; nothing where nothing is in doubt."""
    if number.registration_state != State.UNKNOWN:
        return ""
    return (
        f"Nobody has said whether {number} is registered with the carriers, who block a number that is not. "
        "An admin sets it under Settings, Numbers."
    )
