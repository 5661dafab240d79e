"""The words with which mail programs introduce what they forward, in seven languages.

They stand here as programs write them, in lower case. Outlook (desktop, web, mobile), Gmail, Apple Mail (Mac,
iOS) and Thunderbird use all of these; Gmail translates the sender's label and leaves "Date", "Subject" and
"To" as they are, whatever the language.
"""

ENGLISH = "en"
LANGUAGES = (ENGLISH, "fr", "de", "es", "it", "nl", "pt")
FROM, DATE, TO, CC = "from", "date", "to", "cc"
COUNTED = {FROM, DATE, TO, "subject"}
"""What the line of a label may tell, and what tells a block from other text."""

# "forwarded" stands above the block, among dashes (Gmail, Thunderbird) or with a colon (Apple Mail); so does
# "original", by Outlook and by Samsung's program, but above what is replied to as well.
_WORDS = """
    en  from: from; to: to; subject: subject
    en  date: date, sent; cc: cc, bcc; other: reply-to, importance, attachments, when, where
    en  forwarded: forwarded message, begin forwarded message, forwarded mail
    en  original: original message, original appointment
    fr  from: de, expéditeur; to: à, a, pour, destinataire, destinataires; subject: objet, sujet
    fr  date: date, envoyé, envoyé le, date d'envoi
    fr  cc: cc, cci, copie à; other: répondre à, importance, pièces jointes
    fr  forwarded: message transféré, message réexpédié, message transmis, mail transféré
    fr  forwarded: début du message transféré, début du message réexpédié
    fr  original: message d'origine, message original, mail original, rendez-vous d'origine
    de  from: von, absender; to: an, empfänger; subject: betreff
    de  date: datum, gesendet, gesendet am
    de  cc: cc, kopie, kopie (cc), bcc; other: antwort an, wichtigkeit, priorität, anlagen
    de  forwarded: weitergeleitete nachricht, weitergeleitete mail
    de  forwarded: anfang der weitergeleiteten nachricht, anfang der weitergeleiteten e-mail
    de  original: ursprüngliche nachricht, originalnachricht, ursprünglicher termin
    es  from: de, remitente; to: para, a, destinatario; subject: asunto
    es  date: fecha, enviado, enviado el, enviada, enviada el
    es  cc: cc, cco; other: responder a, importancia, datos adjuntos
    es  forwarded: mensaje reenviado, inicio del mensaje reenviado
    es  original: mensaje original, cita original
    it  from: da, mittente; to: a, per, destinatario; subject: oggetto
    it  date: data, inviato, inviata, data invio; cc: cc, ccn; other: rispondi a, priorità, allegati
    it  forwarded: messaggio inoltrato, inizio messaggio inoltrato, inizio del messaggio inoltrato
    it  original: messaggio originale, appuntamento originale
    nl  from: van, afzender; to: aan; subject: onderwerp
    nl  date: datum, verzonden, verstuurd
    nl  cc: cc, kopie, bcc; other: antwoord aan, urgentie, prioriteit, bijlagen
    nl  forwarded: doorgestuurd bericht, begin doorgestuurd bericht
    nl  original: oorspronkelijk bericht, oorspronkelijke afspraak
    pt  from: de, remetente; to: para, destinatário; subject: assunto
    pt  date: data, enviado, enviado em, enviada, enviada em
    pt  cc: cc, cco; other: responder para, responder a, importância, prioridade, anexos
    pt  forwarded: mensagem encaminhada, mensagem reencaminhada, mensagem reenviada
    pt  forwarded: início da mensagem encaminhada, início da mensagem reencaminhada
    pt  forwarded: início da mensagem reenviada
    pt  original: mensagem original, compromisso original
"""


def _read_words() -> tuple[dict[str, dict[str, str]], dict[str, tuple[str, bool]]]:
    meanings: dict[str, dict[str, str]] = {}
    phrases: dict[str, tuple[str, bool]] = {}
    for language, groups in (row.split(maxsplit=1) for row in _WORDS.strip().splitlines()):
        for told, words in (group.split(": ") for group in groups.split("; ")):
            for word in words.split(", "):
                if told in ("forwarded", "original"):
                    phrases[word] = language, told == "forwarded"
                else:
                    meanings.setdefault(word, {})[language] = told
    return meanings, phrases


MEANINGS, PHRASES = _read_words()
"""Of each label: by language, what its line tells. Of each phrase above a block: its language, and whether it
says that something is forwarded."""

FORWARD_PREFIXES = frozenset({"fw", "fwd", "tr", "wg", "rv", "i", "enc", "doorst", "inolt"})
"""Before the subject of what is forwarded."""

REPLY_PREFIXES = frozenset({"re", "aw", "antw", "antwort", "r", "rif", "res", "rép"})
"""Before the subject of a reply, under which Outlook quotes with the very same block."""
