"""What the designs say of their own accord, in the languages that an email can be in.

How to leave and the sender's postal address stand below every email: 15 USC 7704(a)(3) and (5).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Labels:
    """The product's own words in one language. `{company}` is filled by the shell's template."""

    reminder: str
    estimate: str
    membership: str
    call: str
    why: str
    leave: str
    preferences: str
    answer: str


LABELS = {
    "en": Labels(
        reminder="Maintenance reminder",
        estimate="Your estimate",
        membership="Membership",
        call="Call us:",
        why="You get this email as a customer of",
        leave="Unsubscribe",
        preferences="To get no more emails from us:",
        answer="Or answer with the word “unsubscribe”.",
    ),
    "es": Labels(
        reminder="Recordatorio de mantenimiento",
        estimate="Su presupuesto",
        membership="Membresía",
        call="Llámenos:",
        why="Recibe este correo como cliente de",
        leave="Cancelar suscripción",
        preferences="Para no recibir más correos:",
        answer="O responda con la palabra “unsubscribe”.",
    ),
}
