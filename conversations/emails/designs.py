"""The designs to choose from: what each is called and good for, with words to see it by."""

from dataclasses import dataclass

from conversations.emails.words import Words


@dataclass(frozen=True, slots=True)
class Design:
    """One design as people choose it. `english` and `spanish` are words to see it by, nobody's own."""

    slug: str
    name: str
    purpose: str
    english: Words
    spanish: Words

    def sample(self, language: str) -> Words:
        """Words to see it by, in this language."""
        return self.spanish if language == "es" else self.english


_BOOK = "https://www.example.com/book"
SAMPLE_VARIABLES = {"first_name": "Maria", "company": "Lakeside Heating & Air"}

_ALL = (
    Design(
        "letter",
        "Plain letter",
        "Reads like a note from the office: your name, your words. For confirmations, thanks and the like.",
        Words(
            subject="Thank you, {{ first_name }}",
            preheader="Your visit is booked, and this is what happens next",
            heading="Thank you for choosing us",
            body=(
                "Hi {{ first_name }},\n\nYour visit is booked. Our office will text you the arrival time "
                "the day "
                "before, and again when the technician is on the way.\n\nIs there anything we should know "
                "beforehand, a gate code or a dog that likes to say hello? Just answer this email.\n\n"
                "See you soon,\nYour team at {{ company }}"
            ),
            design="letter",
        ),
        Words(
            subject="Gracias, {{ first_name }}",
            preheader="Su visita está reservada; esto es lo que sigue",
            heading="Gracias por elegirnos",
            body=(
                "Hola {{ first_name }}:\n\nSu visita está reservada. El día anterior le enviaremos por "
                "texto la "
                "hora de llegada, y otra vez cuando el técnico esté en camino.\n\n¿Hay algo que debamos "
                "saber "
                "antes, como el código de la puerta? Solo responda a este correo.\n\n"
                "Hasta pronto,\nsu equipo de {{ company }}"
            ),
            design="letter",
        ),
    ),
    Design(
        "tune_up",
        "Tune-up reminder",
        "A coloured band says what it is about at a glance, with one wide button. For seasonal maintenance.",
        Words(
            subject="{{ first_name }}, time for your furnace tune-up",
            preheader="Mornings are going first: pick yours",
            heading="Your furnace is due for its tune-up",
            body=(
                "Hi {{ first_name }},\n\nThe first cold nights are coming, and it is a year since anybody "
                "looked "
                "at your furnace. A tune-up takes about an hour:\n\n- We clean the burner and change the "
                "filter\n"
                "- We test every safety switch\n- You get a written report\n\nPick a time that suits you."
            ),
            button_label="Choose a time",
            button_url=_BOOK,
            design="tune_up",
        ),
        Words(
            subject="{{ first_name }}, es hora de revisar su calefacción",
            preheader="Las mañanas se ocupan primero: elija la suya",
            heading="Toca el mantenimiento de su calefacción",
            body=(
                "Hola {{ first_name }}:\n\nLlegan las primeras noches frías y hace un año que nadie "
                "revisa su "
                "calefacción. La revisión dura cerca de una hora:\n\n- Limpiamos el quemador y cambiamos el "
                "filtro\n- Probamos cada interruptor de seguridad\n- Usted recibe un informe escrito\n\n"
                "Elija la hora que le convenga."
            ),
            button_label="Elegir una hora",
            button_url=_BOOK,
            design="tune_up",
        ),
    ),
    Design(
        "estimate",
        "Estimate follow-up",
        (
            "A sheet with a tab, and the decision set apart at its foot. For estimates people have not "
            "decided on."
        ),
        Words(
            subject="Your estimate is still open, {{ first_name }}",
            preheader="The price holds until the end of the month",
            heading="Have you had time to look at it?",
            body=(
                "Hi {{ first_name }},\n\nThe estimate we left with you is still open, and its price holds "
                "until "
                "the end of the month.\n\nIf something in it is unclear, answer this email: the person "
                "who wrote "
                "it reads your question. If it looks right, tell us and we will set a day."
            ),
            button_label="Go ahead with it",
            button_url=_BOOK,
            design="estimate",
        ),
        Words(
            subject="Su presupuesto sigue abierto, {{ first_name }}",
            preheader="El precio vale hasta fin de mes",
            heading="¿Ha tenido tiempo de verlo?",
            body=(
                "Hola {{ first_name }}:\n\nEl presupuesto que le dejamos sigue abierto y su precio vale "
                "hasta fin "
                "de mes.\n\nSi algo no queda claro, responda a este correo: la persona que lo escribió "
                "lee su "
                "pregunta. Si está bien, avísenos y fijamos un día."
            ),
            button_label="Seguir adelante",
            button_url=_BOOK,
            design="estimate",
        ),
    ),
    Design(
        "membership",
        "Membership renewal",
        "A member’s card above the words, everything centred on it. For renewals, welcomes and member news.",
        Words(
            subject="{{ first_name }}, your membership ends soon",
            preheader="Renew and keep your two visits a year",
            heading="Stay a member for another year",
            body=(
                "Hi {{ first_name }},\n\nYour maintenance plan ends next month. Renew it and keep what comes "
                "with it:\n\n- Two visits a year, booked by us\n- A technician the same day, if it cannot "
                "wait\n"
                "- Ten percent off every repair"
            ),
            button_label="Renew my plan",
            button_url=_BOOK,
            design="membership",
        ),
        Words(
            subject="{{ first_name }}, su membresía termina pronto",
            preheader="Renueve y conserve sus dos visitas al año",
            heading="Siga siendo miembro un año más",
            body=(
                "Hola {{ first_name }}:\n\nSu plan de mantenimiento termina el próximo mes. Renuévelo y "
                "conserve "
                "lo que incluye:\n\n- Dos visitas al año, que reservamos nosotros\n- Un técnico el mismo "
                "día, si "
                "no puede esperar\n- Diez por ciento menos en cada reparación"
            ),
            button_label="Renovar mi plan",
            button_url=_BOOK,
            design="membership",
        ),
    ),
    Design(
        "announcement",
        "Announcement",
        (
            "A poster with your headline in your colour, and the details below. For offers of a season, and "
            "news."
        ),
        Words(
            subject="Fall special: $89 furnace tune-up",
            preheader="For customers of ours, until November 30",
            heading="$89 furnace tune-up",
            body=(
                "Hi {{ first_name }},\n\nUntil November 30 a furnace tune-up is $89 for customers of ours, "
                "instead of $129. One visit, about an hour, no surprises on the bill.\n\nAfternoons still "
                "have "
                "room."
            ),
            button_label="Book for $89",
            button_url=_BOOK,
            design="announcement",
        ),
        Words(
            subject="Oferta de otoño: revisión por $89",
            preheader="Para nuestros clientes, hasta el 30 de noviembre",
            heading="Revisión de calefacción por $89",
            body=(
                "Hola {{ first_name }}:\n\nHasta el 30 de noviembre la revisión de la calefacción cuesta "
                "$89 para "
                "nuestros clientes, en vez de $129. Una visita, cerca de una hora, sin sorpresas en la "
                "factura."
                "\n\nPor las tardes todavía hay lugar."
            ),
            button_label="Reservar por $89",
            button_url=_BOOK,
            design="announcement",
        ),
    ),
)
DESIGNS: dict[str, Design] = {design.slug: design for design in _ALL}
