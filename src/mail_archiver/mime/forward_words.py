"""The words with which mail programs introduce what they forward, in seven languages.

They stand here as programs write them, in lower case. Outlook (desktop, web, mobile), Gmail, Apple Mail (Mac,
iOS) and Thunderbird use all of these; Gmail translates the sender's label and leaves "Date", "Subject" and
"To" as they are, whatever the language.
"""

from enum import Enum


class Label(Enum):
    """What a line of a quoted header block tells."""

    FROM = "from"
    DATE = "date"
    TO = "to"
    SUBJECT = "subject"
    OTHER = "other"


ENGLISH = "en"

LABELS: dict[str, dict[Label, tuple[str, ...]]] = {
    ENGLISH: {
        Label.FROM: ("from",),
        Label.DATE: ("date", "sent"),
        Label.TO: ("to",),
        Label.SUBJECT: ("subject",),
        Label.OTHER: ("cc", "bcc", "reply-to", "importance", "attachments", "when", "where"),
    },
    "fr": {
        Label.FROM: ("de", "expéditeur"),
        Label.DATE: ("date", "envoyé", "envoyé le", "date d'envoi"),
        Label.TO: ("à", "a", "pour", "destinataire", "destinataires"),
        Label.SUBJECT: ("objet", "sujet"),
        Label.OTHER: ("cc", "cci", "copie à", "répondre à", "importance", "pièces jointes"),
    },
    "de": {
        Label.FROM: ("von", "absender"),
        Label.DATE: ("datum", "gesendet", "gesendet am"),
        Label.TO: ("an", "empfänger"),
        Label.SUBJECT: ("betreff",),
        Label.OTHER: (
            "cc",
            "kopie",
            "kopie (cc)",
            "bcc",
            "antwort an",
            "wichtigkeit",
            "priorität",
            "anlagen",
        ),
    },
    "es": {
        Label.FROM: ("de", "remitente"),
        Label.DATE: ("fecha", "enviado", "enviado el", "enviada", "enviada el"),
        Label.TO: ("para", "a", "destinatario"),
        Label.SUBJECT: ("asunto",),
        Label.OTHER: ("cc", "cco", "responder a", "importancia", "datos adjuntos"),
    },
    "it": {
        Label.FROM: ("da", "mittente"),
        Label.DATE: ("data", "inviato", "inviata", "data invio"),
        Label.TO: ("a", "per", "destinatario"),
        Label.SUBJECT: ("oggetto",),
        Label.OTHER: ("cc", "ccn", "rispondi a", "priorità", "allegati"),
    },
    "nl": {
        Label.FROM: ("van", "afzender"),
        Label.DATE: ("datum", "verzonden", "verstuurd"),
        Label.TO: ("aan",),
        Label.SUBJECT: ("onderwerp",),
        Label.OTHER: ("cc", "kopie", "bcc", "antwoord aan", "urgentie", "prioriteit", "bijlagen"),
    },
    "pt": {
        Label.FROM: ("de", "remetente"),
        Label.DATE: ("data", "enviado", "enviado em", "enviada", "enviada em"),
        Label.TO: ("para", "destinatário"),
        Label.SUBJECT: ("assunto",),
        Label.OTHER: ("cc", "cco", "responder para", "responder a", "importância", "prioridade", "anexos"),
    },
}

FORWARDED: dict[str, tuple[str, ...]] = {
    ENGLISH: ("forwarded message", "begin forwarded message", "forwarded mail"),
    "fr": (
        "message transféré",
        "message réexpédié",
        "message transmis",
        "mail transféré",
        "début du message transféré",
        "début du message réexpédié",
    ),
    "de": (
        "weitergeleitete nachricht",
        "weitergeleitete mail",
        "anfang der weitergeleiteten nachricht",
        "anfang der weitergeleiteten e-mail",
    ),
    "es": ("mensaje reenviado", "inicio del mensaje reenviado"),
    "it": ("messaggio inoltrato", "inizio messaggio inoltrato", "inizio del messaggio inoltrato"),
    "nl": ("doorgestuurd bericht", "begin doorgestuurd bericht"),
    "pt": (
        "mensagem encaminhada",
        "mensagem reencaminhada",
        "mensagem reenviada",
        "início da mensagem encaminhada",
        "início da mensagem reencaminhada",
        "início da mensagem reenviada",
    ),
}
"""On the line above the block, among dashes (Gmail, Thunderbird) or with a colon (Apple Mail)."""

ORIGINAL: dict[str, tuple[str, ...]] = {
    ENGLISH: ("original message", "original appointment"),
    "fr": ("message d'origine", "message original", "mail original", "rendez-vous d'origine"),
    "de": ("ursprüngliche nachricht", "originalnachricht", "ursprünglicher termin"),
    "es": ("mensaje original", "cita original"),
    "it": ("messaggio originale", "appuntamento originale"),
    "nl": ("oorspronkelijk bericht", "oorspronkelijke afspraak"),
    "pt": ("mensagem original", "compromisso original"),
}
"""Likewise, by Outlook and by Samsung's program; above what is replied to as well."""

FORWARD_PREFIXES = frozenset({"fw", "fwd", "tr", "wg", "rv", "i", "enc", "doorst", "inolt"})
"""Before the subject of what is forwarded."""

REPLY_PREFIXES = frozenset({"re", "aw", "antw", "antwort", "r", "rif", "res", "rép"})
"""Before the subject of a reply, under which Outlook quotes with the very same block."""
