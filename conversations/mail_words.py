"""What somebody wrote themselves in an email: without what they quote and what their program adds below.

For reading what is asked of us and for the thread; the whole is kept beside it.
"""

import re

_WROTE = re.compile(
    r"^\s*+>*+\s*+(on|el|le|am)\b[^\n]{4,300}\b(wrote|escribi[oó]|a écrit|schrieb)\s*+:\s*+$", re.IGNORECASE
)
_OPENS = re.compile(r"^\s*(on|el|le|am)\b.*\d", re.IGNORECASE)
_DIVIDER = re.compile(
    r"^\s*(-{2,}\s*(original message|forwarded message|mensaje original|mensaje reenviado)\s*-{2,}"
    r"|begin forwarded message:|_{10,})\s*$",
    re.IGNORECASE,
)
_FROM = re.compile(r"^\s*\*?(from|de|von)\s*:\*?\s+\S", re.IGNORECASE)
_BESIDE = re.compile(r"^\s*\*?(sent|enviado|date|fecha|to|para|subject|asunto)\s*:\*?\s", re.IGNORECASE)
_SIGNED = re.compile(r"^\s*--\s*$")
_PROGRAM = re.compile(
    r"^\s*(sent from (my|yahoo|outlook|mail|a)\b|get outlook for\b|enviado desde (mi|el)\b|sent via\b"
    r"|obtener outlook para\b).{0,80}$",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"^\s*((re|fwd?|aw|rv|antwort|respuesta)\s*(\[\d+\])?\s*:\s*)+", re.IGNORECASE)


def own(text: str) -> str:
    """The words of whoever wrote, wherever they stand; "" where all is quoted."""
    lines = _unwrapped(text.replace("\r\n", "\n").split("\n"))
    kept: list[str] = []
    index, signed = 0, False
    while index < len(lines):
        line = lines[index]
        if _WROTE.match(line) or line.lstrip().startswith(">"):
            following = _after_quotation(lines, index + 1)
            if following is None:
                break  # nothing is marked as quoted: all below is
            index, signed = following, False
            continue
        if _DIVIDER.match(line) or _begins_quotation(lines, index):
            break
        signed = signed or bool(_SIGNED.match(line))
        if not signed and not _PROGRAM.match(line):
            kept.append(line.rstrip())
        index += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def subject(text: str) -> str:
    """A subject without “Re:” and its kin."""
    return _AGAIN.sub("", text).strip()


def answers(text: str) -> bool:
    """Whether a subject says that the mail answers or passes on another."""
    return _AGAIN.match(text) is not None


def _unwrapped(lines: list[str]) -> list[str]:
    """The same lines, with “On Monday, … wrote:” on one even where a program has broken it."""
    found: list[str] = []
    index = 0
    while index < len(lines):
        for many in (3, 2):
            joined = " ".join(line.strip() for line in lines[index : index + many])
            if _OPENS.match(lines[index]) and not _WROTE.match(lines[index]) and _WROTE.match(joined):
                found.append(joined)
                index += many
                break
        else:
            found.append(lines[index])
            index += 1
    return found


def _after_quotation(lines: list[str], index: int) -> int | None:
    """The first line behind quoted ones, which begin with “>”; None where none is marked so."""
    begun = index
    if lines[begun - 1].lstrip().startswith(">"):
        return begun
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index if index < len(lines) and lines[index].lstrip().startswith(">") else None


def _begins_quotation(lines: list[str], index: int) -> bool:
    """Whether the headers of a quoted mail stand here, as Outlook writes them."""
    beside = [line for line in lines[index + 1 : index + 5] if _BESIDE.match(line)]
    return bool(_FROM.match(lines[index])) and len(beside) >= 2
