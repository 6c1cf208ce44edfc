"""What the page of a mailbox says, in its readers’ languages, with places for company and mailbox."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Words:
    """One language of the page."""

    title: str
    mailbox: str  # whose page it is
    gets_all: str
    gets_none: str
    gets_nothing: str
    question: str
    no_emails: str
    no_emails_note: str
    nothing: str
    nothing_note: str
    save: str
    also_nothing: str
    again: str
    again_note: str
    phones_note: str
    chosen_none: str
    chosen_nothing: str
    chosen_again: str
    choose: str
    refused_provider: str
    refused_often: str
    too_many: str
    gone_title: str
    gone: str
    gone_note: str
    office: str

    def of(self, **values: str) -> dict[str, str]:
        """The words with company and mailbox in their places."""
        return {one.name: str(getattr(self, one.name)).format(**values) for one in fields(self)}


ENGLISH = Words(
    title="Messages from {company}",
    mailbox="Your mailbox: {mailbox}",
    gets_all="This mailbox gets emails from {company}.",
    gets_none="This mailbox gets no more emails from {company}.",
    gets_nothing="{company} sends you no more emails, and no automated texts or calls.",
    question="What would you like?",
    no_emails="No more emails",
    no_emails_note="Texts and calls you agreed to stay as they are.",
    nothing="Nothing at all",
    nothing_note="No emails, and no automated texts or calls to any number they have for you.",
    save="Save my choice",
    also_nothing="Stop texts and calls, too",
    again="Get emails again",
    again_note="Changed your mind? Only you can undo this, here.",
    phones_note="To get texts again, text START from your phone to the number that wrote to you.",
    chosen_none="Saved. You get no more emails from {company}.",
    chosen_nothing="Saved. {company} will not email, text or call you automatically any more.",
    chosen_again="Saved. You get emails from {company} again.",
    choose="Nothing was changed yet. Choose one of the two, then save.",
    refused_provider=(
        "Nothing was changed: your mail provider told us not to write to you. "
        "To get emails again, please call {company}."
    ),
    refused_often=(
        "Nothing was changed: this was undone several times today. Please try again tomorrow. "
        "Until then you get no emails."
    ),
    too_many="Nothing was changed: too many requests came from your network. Please try again in an hour.",
    gone_title="This link leads nowhere any more",
    gone="The mailbox it was made for is not on file here any more, or the link was cut off on its way.",
    gone_note=(
        "If you still get emails, open the link in a newer one, or answer it with the word “unsubscribe”."
    ),
    office="The company’s address",
)
SPANISH = Words(
    title="Mensajes de {company}",
    mailbox="Su correo: {mailbox}",
    gets_all="Este correo recibe mensajes de {company}.",
    gets_none="Este correo ya no recibe mensajes de {company}.",
    gets_nothing="{company} ya no le envía correos, ni mensajes de texto o llamadas automáticas.",
    question="¿Qué prefiere?",
    no_emails="No más correos",
    no_emails_note="Los mensajes de texto y las llamadas que usted aceptó siguen igual.",
    nothing="Nada en absoluto",
    nothing_note="Ni correos, ni mensajes de texto o llamadas automáticas a ningún número suyo.",
    save="Guardar mi decisión",
    also_nothing="Detener también textos y llamadas",
    again="Recibir correos de nuevo",
    again_note="¿Cambió de opinión? Solo usted puede deshacerlo, aquí.",
    phones_note=("Para recibir textos de nuevo, envíe START desde su teléfono al número que le escribió."),
    chosen_none="Guardado. Ya no recibirá correos de {company}.",
    chosen_nothing="Guardado. {company} ya no le enviará correos, textos ni llamadas automáticas.",
    chosen_again="Guardado. Recibirá de nuevo correos de {company}.",
    choose="Todavía no se cambió nada. Elija una de las dos opciones y guarde.",
    refused_provider=(
        "No se cambió nada: su proveedor de correo nos pidió no escribirle. "
        "Para recibir correos de nuevo, llame a {company}."
    ),
    refused_often=(
        "No se cambió nada: hoy ya se deshizo varias veces. Inténtelo mañana. "
        "Hasta entonces no recibirá correos."
    ),
    too_many="No se cambió nada: llegaron demasiadas solicitudes de su red. Inténtelo en una hora.",
    gone_title="Este enlace ya no lleva a ninguna parte",
    gone="El correo para el que se creó ya no está registrado aquí, o el enlace llegó incompleto.",
    gone_note=(
        "Si todavía recibe correos, abra el enlace de uno más reciente o respóndalo con la palabra "
        "“unsubscribe”."
    ),
    office="Dirección de la empresa",
)


def words(language: str, **values: str) -> dict[str, str]:
    """The page's words for a reader of this language (ISO 639-1); English for all that have none."""
    return (SPANISH if language == "es" else ENGLISH).of(**values)
