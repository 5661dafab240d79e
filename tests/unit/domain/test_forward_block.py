import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archiving.forwards import ANN, MAIL, TOM, block, find, find_in_text, message

from mail_archiver.domain.forward_block import read_blocks


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("Ann Client <ann@client.example>", "Ann Client", "ann@client.example"),
        ("ann@client.example", "", "ann@client.example"),
        ("<ann@client.example>", "", "ann@client.example"),
        ("ann@client.example <ann@client.example>", "", "ann@client.example"),
        ("ann@client.example [mailto:ann@client.example] ", "", "ann@client.example"),
        ("Ann Client <mailto:ann@client.example>", "Ann Client", "ann@client.example"),
        ("Ann Client [mailto:Ann@Client.example]", "Ann Client", "Ann@Client.example"),
        ("Ann <ann@client.example<mailto:ann@client.example>>", "Ann", "ann@client.example"),
        ("Ann <ann@client.example> <mailto:ann@client.example>", "Ann", "ann@client.example"),
        ('"ann@old.example" <ann@client.example>', "", "ann@client.example"),
        ('"Client, Ann" <ann@client.example>', "Client, Ann", "ann@client.example"),
        ("Client, Ann <ann@client.example>", "Client, Ann", "ann@client.example"),
        ("'Ann Client' <ann@client.example>", "Ann Client", "ann@client.example"),
        ("'ann@client.example'", "", "ann@client.example"),
        ("*Ann Client* <ann@client.example>", "Ann Client", "ann@client.example"),
        ("Ann (Client SA) <ann@client.example>", "Ann (Client SA)", "ann@client.example"),
        ("Ann Client (ann@client.example)", "Ann Client", "ann@client.example"),
        ("Ann\xa0Client\xa0<\u200bann@client.example>", "Ann Client", "ann@client.example"),
        ("\u202aAnn Client\u202c <\u200eann@client.example\u200f>", "Ann Client", "ann@client.example"),
        ("Renée Müller <renee@müller.example>", "Renée Müller", "renee@müller.example"),
        ("Ann Client\n <ann@client.example>", "Ann Client", "ann@client.example"),
        ("Ann Client <ann@client.example> On Behalf Of The Board", "Ann Client", "ann@client.example"),
        ("Ann <ann+offer@client.example>", "Ann", "ann+offer@client.example"),
        ("Client: Ann <ann@client.example>", "Client: Ann", "ann@client.example"),
    ],
)
def test_reads_the_sender_in_every_form(sender: str, name: str, address: str) -> None:
    text = f"From: {sender}\nSent: Monday, October 5, 2026 9:00 AM\nTo: Tom\nSubject: The offer\n\n{MAIL}"
    assert find(message("FW: The offer", text)) == [(name, address, "forwarded-block-en")]


@pytest.mark.parametrize(
    "block",
    [
        f"Date: Mon, 5 Oct 2026 09:00\nFrom: {ANN}\nSubject: The offer\n",
        f"Subject: The offer\nTo: Tom\nFrom: {ANN}\n",
        f"From: {ANN}\n\nSent: 5/10/2026 09:00\n\nTo: Tom\n\nSubject: The offer\n",
        f"From: {ANN}\nTo: Tom\nCc: Bea; Carl; Dora\nSubject:\n",
        f"From:\n{ANN}\nTo:\nTom\nSubject:\nThe offer\n",
        f"From: {ANN}\nTo: {', '.join(['tom@example.com'] * 9)},\n tom@example.com\nSubject: Offer\n",
        f"> From: {ANN}\n> To: Tom\n> Subject: The offer\n",
        f"**From:** {ANN}\n**To:** Tom\n**Subject:** The offer\n",
        f"From： {ANN}\nTo： Tom\nSubject： The offer\n",
        f"A\u0300 : Tom\nDe : {ANN}\nObjet : L'offre\n",
        f"-----Message d’origine-----\nDe : {ANN}\n\nBonjour\n",
        f"---------- Forwarded message ---------\nVon: {ANN}\n\nGuten Tag\n",
        f"This is what Ann wrote:\n\n{block(ANN)}",
        f"{block(TOM)}Ours.\n---------- Forwarded message ---------\nFrom: {ANN}\n",
        f"FROM: {ANN}\nTO: Tom\nSUBJECT: The offer\n",
    ],
)
def test_finds_blocks_of_other_shapes(block: str) -> None:
    assert find_in_text(f"For the file.\n\n{block}\n{MAIL}", "The offer") == ["ann@client.example"]


def test_a_line_that_says_forwarded_needs_no_more_than_a_sender() -> None:
    text = f"----- Mail transféré -----\nDe: {ANN}\n\nBonjour"
    assert find(message("Hello", text)) == [("Ann Client", "ann@client.example", "forwarded-block-fr")]


# What merely looks alike.

QUOTED = f"> {MAIL}\n\n{block(ANN)}"

LOOK_ALIKES = {
    "no text": "",
    "a greeting": f"Dear Ann,\n\nour offer: see {ANN}.\n",
    "a reply": f"Thanks!\n\nOn Mon, Oct 5, 2026 at 9:00 AM {ANN} wrote:\n{QUOTED}",
    "a reply, broken": f"Yes.\n\nOn Mon, Oct 5, 2026 at 9:00 AM Ann\n<ann@client.example>\nwrote:\n{QUOTED}",
    "une réponse": f"Oui.\n\nLe lun. 5 oct. 2026 à 09:00, {ANN} a écrit\xa0:\n{QUOTED}",
    "eine Antwort": f"Ja.\n\nAm Mo., 5. Okt. 2026 um 09:00 Uhr schrieb {ANN}:\n{QUOTED}",
    "eine Antwort, umbrochen": f"Ja.\n\nAm 05.10.26 um 09:00 schrieb Ann\n<ann@client.example>:\n{QUOTED}",
    "una respuesta": f"Sí.\n\nEl lun, 5 oct 2026 a las 9:00, Ann (<ann@client.example>) escribió:\n{QUOTED}",
    "una risposta": f"Sì.\n\nIl giorno lun 5 ott 2026 alle ore 09:00 {ANN} ha scritto:\n{QUOTED}",
    "een antwoord": f"Ja.\n\nOp ma 5 okt 2026 om 09:00 schreef {ANN}:\n{QUOTED}",
    "uma resposta": f"Sim.\n\nEm seg., 5 de out. de 2026 às 09:00, {ANN} escreveu:\n{QUOTED}",
    "a block quoted twice": f">> From: {ANN}\n>> Sent: 5/10/2026 09:00\n>> To: Tom\n>> Subject: x\n",
    "a newsletter": "One more thing that we did this month.\n\n" * 80 + block(ANN),
    "a newsletter with a line": "News of ours.\n" * 80
    + f"---------- Forwarded message ---------\n{block(ANN)}",
    "opening hours": f"From: 9:00\nTo: 17:00\nDate: every Monday 9:00\n\n{ANN}\n",
    "a journey": "De: Paris\nA: Lyon\nDate: 5 octobre 2026 09:00\nObjet: billet, ann@client.example\n",
    "a journey on one line": "De: Paris A: Lyon Date: 09:00 ann@client.example\n",
    "a parcel": "From: shop@client.example\nTo: 5 Main Street\nWeight: 2 kg\nDate: 5 Oct 2026\n",
    "names alone": "From: Ann Client\nSent: Monday, October 5, 2026 9:00 AM\nTo: Tom\nSubject: x\n",
    "two of three": f"From: {ANN}\nSubject: The offer\n\nSomething else.\n",
    "a sender alone": f"From: {ANN}\n\nHello\n",
    "languages mixed": f"Von: {ANN}\nEnvoyé: 5.10.2026 09:00\nAsunto: x\nAan: Tom\n",
    "lines far apart": f"From: {ANN}\n\n\nTo: Tom\n\n\nSubject: x\n\n\nDate: 5.10.2026 09:00\n",
    "text in between": f"From: {ANN}\nis what I saw.\nThen:\nTo: Tom\nand then\n\nSubject: the end\n",
    "a date that is none": f"From: {ANN}\nDate: soon\nTo:\nSubject: x\n",
    "minutes": "Date: 5 Oct 2026 09:00\nPresent: Ann <ann@client.example>, Tom\nSubject: the offer\nTo: do\n",
    "a task list": "To: do\nFrom: now on ann@client.example is in charge,\nDate: 09:00\nSubject: moving\n",
    "YAML": "from: ann@client.example\nto: tom@example.com\nsubject: The offer\ndate: 2026-10-05 09:00\n",
    "JavaScript": "send({\n  from: 'ann@client.example',\n  to: 'tom@example.com',\n  subject: 'x',\n})\n",
    "JSON": '{\n "From": "ann@client.example",\n "To": "tom@example.com",\n "Subject": "The offer"\n}\n',
    "code with capitals": 'From: "ann@client.example",\nTo: "tom@example.com",\nSubject: "The offer",\n',
    "CSS": "@font-face {\n  font-family: x;\n}\n@media print { a@b.example }\n@keyframes { from {} to {} }",
    "a table": f"| From: | {ANN} |\n| To: | Tom |\n| Subject: | x |\n| Date: | 5.10.2026 09:00 |\n",
    "a copied header": (
        f"Received: from mx.client.example\nFrom: {ANN}\nTo: Tom\nSubject: x\n"
        "Date: Mon, 5 Oct 2026 09:00:00 +0200\nMessage-ID: <1@client.example>\n"
    ),
    "a copied header, the other way": f"From: {ANN}\nTo: Tom\nSubject: x\nMIME-Version: 1.0\n\nHi\n",
    "SMTP": "MAIL FROM:<ann@client.example>\nRCPT TO:<tom@example.com>\nDATA\nSubject: x\nTo: Tom\n",
    "a line and no block": f"---------- Forwarded message ---------\n\nHello, this is {ANN}\nFrom: {ANN}\n",
    "the words in a sentence": f"This is a forwarded message\nFrom: {ANN}\n",
    "a name below a line": f"---------- Forwarded message ---------\nFrom: Ann\n\nHello\n\n{block(ANN)}",
    "prose": "From: all of us,\nthose who left\nand ann@client.example\nTo: Tom\nSubject: goodbye\n",
    "a reply to what we forwarded": f"{block(TOM)}On 5 Oct 2026, Ann wrote:\n\n{QUOTED}",
    "a rule and a sender": f"{'_' * 32}\nFrom: {ANN}\n\nHello\n",
    "no address": "From: Ann <ann at client.example>\nSent: 5/10/2026 09:00\nTo: Tom\nSubject: x\n",
    "two senders": f"From: {ANN}\nVon: Bob <bob@far.example>\nSubject: x\n",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"From: {TOM}\nSent: 5/10/2026 09:00\nTo: {ANN}\nSubject: x\n", ["ann@client.example"]),
        (f"From: Tom\nSent: 5/10/2026 09:00\nTo: {ANN}\nSubject: x\n", ["ann@client.example"]),
        (
            f"From: {TOM}\nTo: {ANN}; 'Bob' <bob@far.example>\nCc: zoe@far.example, {TOM}\nSubject: x\n",
            ["ann@client.example", "bob@far.example", "zoe@far.example"],
        ),
        (
            (
                f"-------- Message transféré --------\nSujet : x\nDate : 5/10/2026 09:00\nDe : {TOM}\n"
                f"Pour : {ANN}\nCopie à : bob@far.example\n"
            ),
            ["ann@client.example", "bob@far.example"],
        ),
        (f"{block(ANN)}Cc: bob@far.example\n", ["ann@client.example", "bob@far.example"]),
    ],
)
def test_recipients_are_found_like_the_sender(text: str, expected: list[str]) -> None:
    assert find_in_text(text, "Fwd: x") == expected


@pytest.mark.parametrize("text", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_what_merely_looks_alike_links_nobody(text: str) -> None:
    assert find_in_text(text, "Hello") == []


@pytest.mark.parametrize("name", [name for name in LOOK_ALIKES if "newsletter" not in name])
def test_not_even_below_the_subject_of_a_forward(name: str) -> None:
    assert find_in_text(LOOK_ALIKES[name], "Fwd: Hello") == []


def test_there_are_look_alikes_enough() -> None:
    assert len(LOOK_ALIKES) >= 30


def test_a_style_sheet_in_html_links_nobody() -> None:
    html = (
        "<style>@font-face{font-family:x} @media print{From:ann@client.example} </style>"
        "<style>From: ann@client.example\nTo: tom@example.com\nSubject: x\n</style><p>Hello</p>"
    )
    assert find(message("Fwd: Hello", html=html)) == []


# Whatever comes.

PIECES = [
    *("From: ", "Von: ", "De : ", "To: ", "An: ", "Subject: ", "Date: 09:00", "ann@client.example", "x", "@"),
    *(
        "> ",
        "-----",
        "<",
        ">",
        "[mailto:",
        "\n",
        "\n\n",
        " ",
        "\xa0",
        "\u200b",
        "*",
        ":",
        ",",
        "schrieb",
        "wrote:",
    ),
]
HOSTILE = [
    *(
        "From: \n",
        "From: a@b.example\n",
        "From: a\nTo: b\n",
        "From: " + "<a@" * 300 + "\n",
        "Date: 1\n\n",
        "x:\n",
    ),
    *("a" * 999 + "@\n", "<(", "@", "schrieb ", "Am schrieb :\n", " \n", ">", "\u200b", "*_", "\n"),
    "-----Original Message-----\n",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join))
def test_any_text_is_read(text: str) -> None:
    for found in read_blocks(text):
        assert found.sender is None or "@" in (found.sender.normalized or "")


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (2_000_000 // len(piece))
    start = time.process_time()
    list(read_blocks(text))
    assert time.process_time() - start < 0.5  # a few hundredths
