"""Whether somebody wishes no contact of any kind, at any address, or no texts and calls to this phone."""

import re
from collections.abc import Iterable

# "by text", "here" or an invitation to write mail narrows the wish to the phone.
_EVERYWHERE = re.compile(
    r"\b(dont|never|stop|quit|cease)( (ever|please|try\w*|to))* contact(ing)?( (me|us)\b|$)"
    r"(?! (\w+ )?(by(?! any)|via|through|with|on|at(?! all)|here)\b)"
    r"|\b(no (me|nos) contacten?|dej(en|e|a) de contactar(me|nos))\b"
    r"(?! (\w+ )?(por(?! favor)|con|en|a|aqui)\b)"
    r"|\b(no (further|more) (contact|communication)|cease all (contact|communication))\b"
)
_BUT_BY_MAIL = re.compile(
    r"\b((e ?mail|mail|write) (me|us)|(e ?mail|mail)( (is|works))? (only|instead|better|fine|ok)|instead"
    r"|escriban?me|correo|only by (e ?mail|mail)|use (my )?e ?mail)\b"
)


def asked(forms: Iterable[str]) -> bool:
    """Whether one of these canonical forms of a text refuses all contact."""
    return any(_EVERYWHERE.search(form) and not _BUT_BY_MAIL.search(form) for form in forms)
