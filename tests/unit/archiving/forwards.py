"""What mail programs make of a client's mail when staff forward it, in seven languages.

Each form is written as the program writes it, from the words of the language, so that every program is there
in every language.
"""

from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import NamedTuple

from mail_archiver.archiving.forwarded import find_forwarded
from mail_archiver.domain.address import OwnAddresses, Role
from mail_archiver.mime.parse import parse_message


class Words(NamedTuple):
    """What a language calls things; the labels with the white space that stands before their colon.

    Attributes:
        outlook: Labels of sender, date, recipient and subject.
        original: Outlook's line in plain text.
        apple: Apple Mail's line; its labels of sender, subject, date and recipient.
        thunderbird: Its line; its labels of subject, date, sender and recipient.
        gmail: The label of the sender, the only one that it translates.
        prefixes: Of the subject, by Outlook and by the others.
        dates: By Outlook, Apple Mail, Thunderbird and Gmail.
    """

    outlook: tuple[str, str, str, str]
    original: str
    apple: tuple[str, str, str, str, str]
    thunderbird: tuple[str, str, str, str, str]
    gmail: str
    prefixes: tuple[str, str]
    dates: tuple[str, str, str, str]


LANGUAGES = {
    "en": Words(
        ("From", "Sent", "To", "Subject"),
        "Original Message",
        ("Begin forwarded message:", "From", "Subject", "Date", "To"),
        ("Forwarded Message", "Subject", "Date", "From", "To"),
        "From",
        ("FW", "Fwd"),
        (
            "Monday, October 5, 2026 9:00 AM",
            "5 October 2026 at 09:00:00 CEST",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "Mon, Oct 5, 2026 at 9:00 AM",
        ),
    ),
    "fr": Words(
        ("De\xa0", "Envoyé\xa0", "À\xa0", "Objet\xa0"),
        "Message d'origine",
        ("Début du message réexpédié\xa0:", "De\u202f", "Objet\u202f", "Date\u202f", "À\u202f"),
        ("Message transféré", "Sujet\xa0", "Date\xa0", "De\xa0", "Pour\xa0"),
        "De\xa0",
        ("TR", "Fwd"),
        (
            "lundi 5 octobre 2026 09:00",
            "5 octobre 2026 à 09:00:00 UTC+2",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "lun. 5 oct. 2026 à 09:00",
        ),
    ),
    "de": Words(
        ("Von", "Gesendet", "An", "Betreff"),
        "Ursprüngliche Nachricht",
        ("Anfang der weitergeleiteten Nachricht:", "Von", "Betreff", "Datum", "An"),
        ("Weitergeleitete Nachricht", "Betreff", "Datum", "Von", "An"),
        "Von",
        ("WG", "Fwd"),
        (
            "Montag, 5. Oktober 2026 09:00",
            "5. Oktober 2026 um 09:00:00 MESZ",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "Mo., 5. Okt. 2026 um 09:00 Uhr",
        ),
    ),
    "es": Words(
        ("De", "Enviado el", "Para", "Asunto"),
        "Mensaje original",
        ("Inicio del mensaje reenviado:", "De", "Asunto", "Fecha", "Para"),
        ("Mensaje reenviado", "Asunto", "Fecha", "De", "Para"),
        "De",
        ("RV", "Fwd"),
        (
            "lunes, 5 de octubre de 2026 9:00",
            "5 de octubre de 2026, 9:00:00 CEST",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "lun, 5 oct 2026 a las 9:00",
        ),
    ),
    "it": Words(
        ("Da", "Inviato", "A", "Oggetto"),
        "Messaggio originale",
        ("Inizio messaggio inoltrato:", "Da", "Oggetto", "Data", "A"),
        ("Messaggio Inoltrato", "Oggetto", "Data", "Mittente", "A"),
        "Da",
        ("I", "Fwd"),
        (
            "lunedì 5 ottobre 2026 09:00",
            "5 ottobre 2026 alle ore 09:00:00 CEST",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "lun 5 ott 2026 alle ore 09:00",
        ),
    ),
    "nl": Words(
        ("Van", "Verzonden", "Aan", "Onderwerp"),
        "Oorspronkelijk bericht",
        ("Begin doorgestuurd bericht:", "Van", "Onderwerp", "Datum", "Aan"),
        ("Doorgestuurd bericht", "Onderwerp", "Datum", "Van", "Aan"),
        "Van",
        ("FW", "Fwd"),
        (
            "maandag 5 oktober 2026 09:00",
            "5 oktober 2026 om 09:00:00 CEST",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "ma 5 okt 2026 om 09:00",
        ),
    ),
    "pt": Words(
        ("De", "Enviada em", "Para", "Assunto"),
        "Mensagem original",
        ("Início da mensagem encaminhada:", "De", "Assunto", "Data", "Para"),
        ("Mensagem encaminhada", "Assunto", "Data", "De", "Para"),
        "De",
        ("ENC", "Fwd"),
        (
            "segunda-feira, 5 de outubro de 2026 09:00",
            "5 de outubro de 2026 às 09:00:00 BRT",
            "Mon, 5 Oct 2026 09:00:00 +0200",
            "seg., 5 de out. de 2026 às 09:00",
        ),
    ),
}

OWN = OwnAddresses.of(["crm@hosted.example"], ["example.com"])
ANN = "Ann Client <ann@client.example>"
TOM = "Tom Staff <tom@example.com>"
MAIL = "Dear Tom,\n\nwhat does it cost?\nFrom Monday on we need ten: two to a box.\n\nAnn\n"


class Forward(NamedTuple):
    """A message of staff: its subject, and its text or HTML."""

    subject: str
    text: str = ""
    html: str = ""


def message(
    subject: str | None = "Hello",
    text: str = "",
    html: str = "",
    *,
    sender: str = TOM,
    attached: tuple[bytes, ...] = (),
) -> bytes:
    """A message to the archive, of text, of HTML or of both, with messages attached."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"] = sender, "crm@example.com"
    if subject is not None:
        made["Subject"] = subject
    made["Message-ID"] = "<forward@example.com>"
    if text or not html:
        made.set_content(text)
    if html and text:
        made.add_alternative(html, subtype="html")
    elif html:
        made.set_content(html, subtype="html")
    for source in attached:
        made.add_attachment(message_from_bytes(source, policy=SMTP))
    return bytes(made)


def block(sender: str, words: Words = LANGUAGES["en"]) -> str:
    """As Outlook writes it."""
    values = (sender, words.dates[0], TOM, "The offer")
    return "".join(f"{label}: {value}\n" for label, value in zip(words.outlook, values, strict=True))


def find(source: bytes) -> list[tuple[str, str, str | None]]:
    """Name, address and rule of each sender that is found."""
    found = find_forwarded(parse_message(source), OWN)
    assert all(address.role is Role.FORWARDED for address in found)
    return [(address.display_name, address.address, address.rule) for address in found]


def find_in_text(text: str, subject: str | None = "Fwd: The offer") -> list[str]:
    """The addresses found in a message of one text."""
    return [address for _, address, _ in find(message(subject, text))]


def _outlook(words: Words) -> list[tuple[str, str]]:
    return list(zip(words.outlook, (ANN, words.dates[0], TOM, "The offer"), strict=True))


def _lines(fields: list[tuple[str, str]]) -> str:
    return "".join(f"{label}: {value}\n" for label, value in fields)


def _escaped(value: str) -> str:
    return value.replace("<", "&lt;").replace(">", "&gt;")


def _linked(value: str) -> str:
    """As programs write an address: a link in angle brackets."""
    name, _, address = value.rstrip(">").partition(" <")
    return f'{name} &lt;<a href="mailto:{address}">{address}</a>&gt;' if address else value


def outlook_desktop_html(words: Words) -> Forward:
    fields = "<br>".join(f"<b>{label}:</b> {_escaped(value)}" for label, value in _outlook(words))
    html = (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style><!--@font-face'
        '{font-family:"Cambria Math";panose-1:2 4 5 3;} p.MsoNormal{margin:0cm;}--></style></head><body>'
        "<div class=WordSection1><p class=MsoNormal>For the file.<o:p></o:p></p><p class=MsoNormal>&nbsp;</p>"
        "<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
        f"<p class=MsoNormal>{fields}<o:p></o:p></p></div>"
        f"<p class=MsoNormal>{MAIL}</p></div></body></html>"
    )
    return Forward(f"{words.prefixes[0]}: The offer", html=html)


def outlook_desktop_text(words: Words) -> Forward:
    text = f"For the file.\n\n{_lines(_outlook(words))}\n{MAIL}"
    return Forward(f"{words.prefixes[0]}: The offer", text)


def outlook_classic_text(words: Words) -> Forward:
    sender, *others = _outlook(words)
    fields = [(sender[0], "Ann Client [mailto:ann@client.example] "), *others]
    return Forward(f"{words.prefixes[0]}: The offer", f"-----{words.original}-----\n{_lines(fields)}\n{MAIL}")


def outlook_web_text(words: Words) -> Forward:
    sender, *others = _outlook(words)
    fields = [(sender[0], "Ann Client <ann@client.example<mailto:ann@client.example>>"), *others]
    text = f"For the file.\n{'_' * 32}\n{_lines(fields)}\n{MAIL}"
    return Forward(f"{words.prefixes[0]}: The offer", text)


def outlook_web_html(words: Words) -> Forward:
    fields = "<br>\n".join(f"<b>{label}:</b> {_escaped(value)}" for label, value in _outlook(words))
    html = (
        '<div class="elementToProof">For the file.</div><div id="appendonsend"></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri, sans-serif" color="#000000">{fields}</font><div>&nbsp;</div></div>'
        f"<div>{MAIL}</div>"
    )
    return Forward(f"{words.prefixes[0]}: The offer", html=html)


def outlook_mobile_html(words: Words) -> Forward:
    fields = "".join(f"<div><b>{label}:</b> {_linked(value)}</div>" for label, value in _outlook(words))
    html = (
        '<div id="ms-outlook-mobile-signature">Outlook for iOS</div>'
        f'<hr><div id="mail-editor-reference-message-container">{fields}<div><br></div><p>{MAIL}</p></div>'
    )
    return Forward(f"{words.prefixes[0]}: The offer", html=html)


def outlook_read_in_gmail(words: Words) -> Forward:
    """Outlook's HTML as Gmail turns it into text: bold between asterisks."""
    text = "".join(f"*{label}:* {value}\n" for label, value in _outlook(words))
    return Forward("Fwd: The offer", f"For the file.\n\n{text}\n{MAIL}")


def _gmail(words: Words) -> list[tuple[str, str]]:
    return [(words.gmail, ANN), ("Date", words.dates[3]), ("Subject", "The offer"), ("To", TOM)]


def gmail_text(words: Words) -> Forward:
    line = "---------- Forwarded message ---------"
    return Forward("Fwd: The offer", f"For the file.\n\n{line}\n{_lines(_gmail(words))}\n\n{MAIL}")


def gmail_html(words: Words) -> Forward:
    sender, *others = _gmail(words)
    html = (
        '<div dir="ltr">For the file.<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f"---------- Forwarded message ---------<br>{sender[0]}: "
        '<b class="gmail_sendername" dir="auto">Ann Client</b> <span dir="auto">&lt;'
        '<a href="mailto:ann@client.example">ann@client.example</a>&gt;</span><br>'
        + "".join(f"{label}: {_linked(value)}<br>" for label, value in others)
        + f"</div><br><br>{MAIL}</div></div>"
    )
    return Forward("Fwd: The offer", html=html)


def gmail_mobile_text(words: Words) -> Forward:
    (label, _), *others = _gmail(words)
    fields = [(label, "\u200eAnn Client <\u200bann@client.example>"), *others]
    line = "---------- Forwarded message ----------"
    return Forward("Fwd: The offer", f"\n{line}\n{_lines(fields)}\n{MAIL}")


def _apple(words: Words) -> list[tuple[str, str]]:
    return list(zip(words.apple[1:], (ANN, "The offer", words.dates[1], TOM), strict=True))


def apple_mac_text(words: Words) -> Forward:
    quoted = f"{words.apple[0]}\n\n{_lines(_apple(words))}\n{MAIL}"
    text = "For the file.\n\n" + "".join(f"> {line}\n" for line in quoted.splitlines())
    return Forward("Fwd: The offer", text)


def apple_ios_text(words: Words) -> Forward:
    quoted = "".join(f"> {line}\n" for line in f"{_lines(_apple(words))}\n{MAIL}".splitlines())
    return Forward("Fwd: The offer", f"For the file.\n\n\n{words.apple[0]}\n\n{quoted}")


def apple_html(words: Words) -> Forward:
    fields = "".join(
        '<div style="margin-top: 0px; margin-right: 0px;"><span style="color:rgba(0, 0, 0, 1.0);"><b>'
        f"{label}: </b></span><span>{_linked(value)}<br></span></div>"
        for label, value in _apple(words)
    )
    html = (
        f'For the file.<br><div><br><blockquote type="cite"><div>{words.apple[0]}</div><br class="x">'
        f"{fields}<br><div>{MAIL}</div></blockquote></div>"
    )
    return Forward("Fwd: The offer", html=html)


def _thunderbird(words: Words) -> list[tuple[str, str]]:
    return list(zip(words.thunderbird[1:], ("The offer", words.dates[2], ANN, TOM), strict=True))


def thunderbird_text(words: Words) -> Forward:
    fields = "".join(f"{label}: \t{value}\n" for label, value in _thunderbird(words))
    return Forward("Fwd: The offer", f"\n\n-------- {words.thunderbird[0]} --------\n{fields}\n\n{MAIL}")


def thunderbird_html(words: Words) -> Forward:
    rows = "".join(
        f'<tr><th valign="BASELINE" align="RIGHT">{label}: </th><td>{_linked(value)}</td></tr>'
        for label, value in _thunderbird(words)
    )
    html = (
        f'<p>For the file.</p><div class="moz-forward-container"><br><br>-------- {words.thunderbird[0]} '
        '--------<table class="moz-email-headers-table" cellspacing="0"><tbody>'
        f"{rows}</tbody></table><br><br>{MAIL}</div>"
    )
    return Forward("Fwd: The offer", html=html)


PROGRAMS: tuple[Callable[[Words], Forward], ...] = (
    outlook_desktop_html,
    outlook_desktop_text,
    outlook_classic_text,
    outlook_web_text,
    outlook_web_html,
    outlook_mobile_html,
    outlook_read_in_gmail,
    gmail_text,
    gmail_html,
    gmail_mobile_text,
    apple_mac_text,
    apple_ios_text,
    apple_html,
    thunderbird_text,
    thunderbird_html,
)
