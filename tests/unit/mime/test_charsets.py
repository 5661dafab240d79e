import encodings.aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import decode_raw, decode_text, read_undeclared, storable, unreported

# What a stranger may write, and what it is written in: (charset, sentence).
SENTENCES = [
    ("koi8-r", "Привет, Анна! Посылаю договор на подпись, жду вашего ответа до пятницы."),
    ("windows-1251", "Добрый день! Счёт за март отправлен вам сегодня утром, спасибо."),
    ("iso-8859-5", "Добрый день! Счет за март отправлен вам сегодня утром, спасибо."),
    ("ibm866", "Добрый день! Счет за март отправлен вам сегодня утром."),
    ("koi8-u", "Добрий день, надсилаю вам договір на підпис, чекаю відповіді до вечора."),
    ("windows-1253", "Καλημέρα σας, σας στέλνω το συμβόλαιο για υπογραφή."),
    ("windows-1255", "שלום רב, מצורף החוזה לחתימה, אנא השיבו עד יום שישי"),
    ("windows-1256", "مرحبا، أرسل إليكم العقد للتوقيع، شكرا جزيلا لكم"),
    ("shift_jis", "お世話になっております。見積書をお送りします。"),
    ("euc-jp", "お世話になっております。見積書をお送りします。"),
    ("gb18030", "您好，合同已经发给您，请查收并签字。"),
    ("big5", "您好，合約已經寄給您，請查收並簽名。"),
    ("euc-kr", "안녕하세요. 계약서를 보내드리니 확인 부탁드립니다."),
    ("windows-874", "สวัสดีครับ ขอส่งสัญญามาให้ลงนาม ขอบคุณครับ"),
    ("windows-1250", "Dobrý den, příští týden přijedeme na školení. Žádám o potvrzení účasti."),
    ("iso-8859-2", "Dzień dobry, przesyłam umowę do podpisu. Proszę o odpowiedź, dziękuję."),
    ("windows-1254", "Günaydın, sözleşmeyi imzalamanız için gönderiyorum. Teşekkür ederim, iyi günler."),
    ("windows-1257", "Labdien, nosūtu jums līgumu parakstīšanai. Lūdzu, atbildiet līdz piektdienai."),
    ("windows-1252", "Grüße aus München! Anbei der Vertrag zur Unterschrift. Schöne Woche, Jürgen Müller"),
    ("windows-1252", "Bonjour, voici le contrat signé. À bientôt, Hélène – 5 €"),
    ("windows-1252", "El señor Muñoz envió ayer la factura. ¿Le llegó a usted también?"),
    ("windows-1252", "São Paulo, não há informação sobre a reunião de amanhã."),
    ("utf-8", "Grüße, Привет, 雪"),
]
# Too short to tell by, in the header of an ordinary Western mail.
NAMES = [
    "Müller",
    "Hélène Lefèvre",
    "Réunion à 10h",
    "café",
    "Å ä ö Ångström Malmö",
    "Angebot für Bürostühle",
    "5 €",
]


def encode(text: str, charset: str) -> bytes:
    return text.encode({"windows-874": "cp874"}.get(charset, charset))


def decode(content: bytes, charset: str | None) -> tuple[str, list[DefectCode]]:
    codes: list[DefectCode] = []
    return decode_text(content, charset, lambda code, _action: codes.append(code)), codes


def actions(content: bytes, charset: str | None) -> list[tuple[DefectCode, str]]:
    found: list[tuple[DefectCode, str]] = []
    decode_text(content, charset, lambda code, action: found.append((code, action)))
    return found


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("utf-8", "utf-8", "é€雪"),
        ("UTF8", "utf-8", "é€雪"),
        ("'utf-8'", "utf-8", "é"),
        ('"utf-8" (Unicode)', "utf-8", "é"),
        ("utf-8 format=flowed", "utf-8", "é"),
        ("iso-8859-1", "cp1252", "“déjà” – 5 €"),
        ("ISO8859-1", "cp1252", "“déjà” – 5 €"),
        ("latin1", "cp1252", "é"),
        ("iso-8859-9", "cp1254", "İğş"),
        ("windows-874", "cp874", "สวัสดี"),
        ("tis-620", "cp874", "สวัสดี…"),
        ("iso-8859-8-i", "iso-8859-8", "שלום"),
        ("windows-1256", "cp1256", "مرحبا"),
        ("gb2312", "gb18030", "朱镕基"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("shift_jis", "cp932", "①髙"),
        ("big5", "cp950", "碁"),
        ("iso-2022-jp", "iso2022_jp", "見積り"),
        ("csISO2022JP", "iso2022_jp", "見積り"),
        ("iso-2022-jp", "iso2022_jp_ext", "ｶﾅ"),
        ("iso-2022-kr", "iso2022_kr", "안녕"),
        ("hz-gb-2312", "hz", "你好"),
        ("utf-7", "utf-7", "é"),
        ("unicode-1-1-utf-7", "utf-7", "é"),
        ("utf-16", "utf-16", "héllo"),
        ("koi8-r", "koi8-r", "Привет"),
        ("x-mac-roman", "mac_roman", "é"),
    ],
)
def test_text_in_a_charset_as_senders_name_it_is_read(charset: str, codec: str, text: str) -> None:
    assert decode(text.encode(codec), charset) == (text, [])


@pytest.mark.parametrize("charset", [None, "", "us-ascii", "utf-8", "x-nowhere", "koi8-r", "hex", "a\0b"])
def test_ascii_is_ascii_whatever_is_declared(charset: str | None) -> None:
    assert decode(b"plain words", charset) == ("plain words", [])


@pytest.mark.parametrize("content", [b"plain words", b"caf\xe9 \x80", b"\x1b$B-!\x1b(B"])
def test_text_is_read_in_whatever_python_has_a_codec_for(content: bytes) -> None:
    for alias, codec in encodings.aliases.aliases.items():
        assert isinstance(decode(content, alias)[0] + decode(content, codec)[0], str)


@pytest.mark.parametrize(
    ("content", "charset", "text", "code"),
    [
        ("é".encode(), "us-ascii", "é", DefectCode.CHARSET_WRONG),
        (b"\xe9\x80", "us-ascii", "é€", DefectCode.CHARSET_WRONG),
        ("déjà".encode("cp1252"), "utf-8", "déjà", DefectCode.CHARSET_WRONG),
        ("雪".encode(), "iso-2022-jp", "雪", DefectCode.CHARSET_WRONG),
        ("雪雪雪".encode() + b"\xff", "utf-8", "雪雪雪\ufffd", DefectCode.CHARSET_WRONG),
        ("敬啟者".encode("big5") + b"\xff.", "big5", "敬啟者\ufffd.", DefectCode.CHARSET_WRONG),
        ("é".encode(), "x-nowhere", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "???", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "hex", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "rot13", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "idna", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\\ud800\xe9", "unicode_escape", "\\ud800é", DefectCode.CHARSET_UNKNOWN),
    ],
)
def test_a_wrong_declaration_is_a_defect_and_the_text_is_still_read(
    content: bytes, charset: str, text: str, code: DefectCode
) -> None:
    assert decode(content, charset) == (text, [code])


@pytest.mark.parametrize(("charset", "sentence"), SENTENCES, ids=[charset for charset, _ in SENTENCES])
def test_a_sentence_that_nobody_declared_is_read_as_what_it_is_written_in(
    charset: str, sentence: str
) -> None:
    content = encode(sentence, charset)
    assert read_undeclared(content) == (sentence, charset)
    assert (
        decode(content, None)[0]
        == decode(content, "us-ascii")[0]
        == decode(content, "x-nowhere")[0]
        == sentence
    )


@pytest.mark.parametrize(("charset", "sentence"), SENTENCES, ids=[charset for charset, _ in SENTENCES])
def test_a_sentence_declared_as_utf_8_that_is_none_is_read_as_what_it_is_written_in(
    charset: str, sentence: str
) -> None:
    text, codes = decode(encode(sentence, charset), "utf-8")
    assert (text, codes) == (sentence, [] if charset == "utf-8" else [DefectCode.CHARSET_WRONG])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_too_short_to_tell_by_is_windows_1252(name: str) -> None:
    assert read_undeclared(name.encode("cp1252")) == (name, "windows-1252")


@pytest.mark.parametrize("name", ["Договор", "Привет", "Συμβόλαιο"])
def test_one_word_in_another_alphabet_is_enough(name: str) -> None:
    for charset in ("iso-8859-7",) if name[-1] == "ο" else ("cp1251", "koi8-r"):
        assert read_undeclared(name.encode(charset))[0] == name


@pytest.mark.parametrize("charset", [None, "", "unknown-8bit", "x-unknown", "default", '"unknown"', "binary"])
def test_no_declaration_is_a_defect_of_its_own(charset: str | None) -> None:
    sentence = SENTENCES[0][1]
    assert actions(sentence.encode("koi8-r"), charset) == [
        (DefectCode.CHARSET_MISSING, "no charset, read as koi8-r")
    ]
    assert actions(b"caf\xe9", charset) == [(DefectCode.CHARSET_MISSING, "no charset, read as windows-1252")]
    assert actions("é".encode(), charset) == [(DefectCode.CHARSET_MISSING, "no charset, read as utf-8")]


def test_the_defect_names_what_was_declared_and_what_it_was_read_as() -> None:
    content = SENTENCES[1][1].encode("cp1251")
    assert actions(content, "us-ascii") == [(DefectCode.CHARSET_WRONG, "not us-ascii, read as windows-1251")]
    assert actions(content, "utf-8") == [(DefectCode.CHARSET_WRONG, "not utf-8, read as windows-1251")]
    assert actions(content, "x-euc-tw") == [
        (DefectCode.CHARSET_UNKNOWN, "charset x-euc-tw unknown, read as windows-1251")
    ]
    assert actions("雪雪雪".encode() + b"\xff", "utf-8") == [
        (DefectCode.CHARSET_WRONG, "not utf-8, read as utf-8 as far as it goes")
    ]


def test_undeclared_text_is_utf_8_or_windows_1252_where_there_is_nothing_to_tell_by() -> None:
    assert decode("é".encode(), None) == ("é", [DefectCode.CHARSET_MISSING])
    assert decode(b"\xe9 \x80", None) == ("é €", [DefectCode.CHARSET_MISSING])
    assert decode_raw("é".encode()) == decode_raw(b"\xe9") == "é"


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "iso-8859-15", "latin1"])
@pytest.mark.parametrize(("codec", "sentence"), SENTENCES[:12], ids=[codec for codec, _ in SENTENCES[:12]])
def test_a_western_declaration_is_not_believed_of_another_alphabet(
    charset: str, codec: str, sentence: str
) -> None:
    assert decode(sentence.encode(), charset) == (sentence, [DefectCode.CHARSET_WRONG])
    if codec not in ("shift_jis", "ibm866", "big5"):  # few of their words are beyond 0xC0
        assert decode(encode(sentence, codec), charset) == (sentence, [DefectCode.CHARSET_WRONG])


@pytest.mark.parametrize(
    "text",
    [sentence for charset, sentence in SENTENCES if charset == "windows-1252"]
    + [*NAMES, "– — … " * 9, "—" * 70, "»" * 30, "·°" * 20],
)
def test_a_western_declaration_is_believed_of_western_text(text: str) -> None:
    assert decode(text.encode("cp1252"), "iso-8859-1") == (text, [])
    assert decode((text * 500).encode("cp1252"), "iso-8859-1") == (text * 500, [])


def test_iso_2022_jp_may_hold_what_windows_adds_to_it() -> None:
    content = b"\x1b$B-j$+$<\x1b(B \x1b$B;3EDMM\x1b(B\r\n\x1b$B-!\x1b(B 1 \x1b(I6E\x1b(B"
    assert decode(content, "iso-2022-jp") == ("㈱かぜ 山田様\r\n① 1 ｶﾅ", [])


@given(st.binary(max_size=40).map(lambda tail: b"\x1b$B-!" + tail))
def test_broken_iso_2022_jp_is_text_all_the_same(content: bytes) -> None:
    assert isinstance(decode(content, "iso-2022-jp")[0], str)


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("x-mac-cyrillic", "mac_cyrillic", "Привет"),
        ("x-mac-greek", "mac_greek", "Καλημέρα"),
        ("x-mac-ce", "mac_latin2", "Žádost"),
        ("macintosh", "mac_roman", "déjà"),
        ("cp-850", "cp850", "déjà"),
        ("ibm-437", "cp437", "déjà"),
        ("dos-866", "cp866", "Привет"),
        ("win-1251", "cp1251", "Привет"),
        ("windows-cp1251", "cp1251", "Привет"),
        ("x-cp1251", "cp1251", "Привет"),
        ("cp1252", "cp1252", "5 €"),
        ("windows1252", "cp1252", "5 €"),
        ("iso-8859-1; format=flowed", "cp1252", "déjà"),
        ("3Diso-8859-1", "cp1252", "déjà"),
        ('3D"koi8-r"', "koi8-r", "Привет"),
        ("charset=koi8-r", "koi8-r", "Привет"),
        ("_iso-2022-jp$esc", "iso2022_jp", "見積り"),
        ("cp50220", "iso2022_jp", "見積り"),
        ("windows-31j", "cp932", "①髙"),
        ("x-gbk", "gbk", "合同"),
        ("visual", "iso-8859-8", "שלום"),
    ],
)
def test_odd_names_of_charsets_are_understood(charset: str, codec: str, text: str) -> None:
    assert decode(text.encode(codec), charset) == (text, [])


@pytest.mark.parametrize(
    "text", ["Dear Ann,\n", "Grüße, Jürgen", "Привет, Анна", "您好，合同\n", "合同已经发给您请查收并签字"]
)
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("charset", ["utf-16", "unicode", "ISO-10646-UCS-2"])
def test_utf_16_is_read_in_its_byte_order_with_and_without_its_mark(
    charset: str, codec: str, text: str
) -> None:
    mark = "\ufeff".encode(codec)
    assert decode(text.encode(codec), charset) == (text, [])
    assert decode(mark + text.encode(codec), charset) == (text, [])
    assert decode(mark + text.encode(codec), None)[0] == text
    assert decode(mark + text.encode(codec), "utf-8") == (text, [DefectCode.CHARSET_WRONG])


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "utf-16be", "unicode", "utf-32"])
def test_what_is_declared_as_utf_16_and_is_not_is_noticed(charset: str) -> None:
    assert decode(b"Plain words.", charset) == ("Plain words.", [DefectCode.CHARSET_WRONG])
    assert decode("Grüße!!!".encode(), charset) == ("Grüße!!!", [DefectCode.CHARSET_WRONG])
    assert decode(b"", charset) == ("", [])


def test_utf_16_cut_off_in_a_character_is_read_up_to_there() -> None:
    content = "\ufeffDear Ann".encode("utf-16-le")[:-1]
    assert decode(content, "utf-16") == ("Dear An\ufffd", [DefectCode.CHARSET_WRONG])


@pytest.mark.parametrize("charset", ["utf-8", None, "utf-8-sig", "x-nowhere"])
def test_the_mark_before_utf_8_is_no_text(charset: str | None) -> None:
    assert decode("\ufeffdéjà".encode(), charset)[0] == "déjà"


@pytest.mark.parametrize("charset", [None, "us-ascii", "iso-8859-1", "utf-8", "x-nowhere"])
def test_japanese_in_escape_sequences_is_read_whatever_is_declared(charset: str | None) -> None:
    text, codes = decode("見積書をお送りします。".encode("iso2022_jp"), charset)
    assert text == "見積書をお送りします。"
    assert len(codes) == 1


@pytest.mark.parametrize("charset", [None, "us-ascii", "utf-8", "x-nowhere"])
def test_what_looks_like_the_beginning_of_an_escape_sequence_is_text(charset: str | None) -> None:
    assert decode(b"\x1b$ price \x1b[0m", charset) == ("\x1b$ price \x1b[0m", [])


def test_a_large_body_is_sampled_where_it_is_beyond_ascii() -> None:
    sentence = SENTENCES[0][1]
    text = "Plain words.\n" * 100_000 + sentence
    assert read_undeclared(text.encode("koi8-r")) == (text, "koi8-r")


@pytest.mark.parametrize(
    "unit", [b"\x80", b"a\xe9", b"\x1b$B\xff", b"+AAAA-\xff", "雪".encode() + b"\xff", b"~{\xff"]
)
@pytest.mark.parametrize(
    "charset", [None, "utf-8", "utf-16", "utf-7", "hz", "iso-2022-jp", "big5", "x-nowhere"]
)
def test_two_mebibytes_of_rubbish_take_no_longer_than_text(unit: bytes, charset: str | None) -> None:
    content = unit * (2 * 1024 * 1024 // len(unit))
    decode(content, charset)  # in quadratic time it would take minutes


@pytest.mark.parametrize("content", [b"+2AA-", b"+3AA- +2AA-", b"+2D3cAA-", b"+2D0-"])
def test_utf_7_may_hold_lone_surrogates_and_they_are_replaced(content: bytes) -> None:
    storable(decode(content, "utf-7")[0], lambda _code, _action: None).encode()


@given(
    st.binary(max_size=200),
    st.sampled_from(["utf-8", "utf-7", "utf-16", "big5", "iso-2022-jp", "hz", "cp1252", "x"]),
)
def test_whatever_the_bytes_the_text_can_be_stored(content: bytes, charset: str) -> None:
    text = storable(decode(content, charset)[0], lambda _code, _action: None)
    assert "\0" not in text
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text(st.characters()))  # lone surrogates too
def test_storable_text_has_no_nul_and_no_lone_surrogate(text: str) -> None:
    codes: list[DefectCode] = []
    stored = storable(text, lambda code, _action: codes.append(code))
    assert "\0" not in stored
    stored.encode("utf-8")
    assert (DefectCode.NUL_REMOVED in codes) == ("\0" in text)
    assert (stored == text) == (codes == [])


def test_storable_leaves_the_rest_as_it_is() -> None:
    codes: list[DefectCode] = []
    assert storable("a\0b\ud800c😀", lambda code, _action: codes.append(code)) == "ab\ufffdc😀"
    assert codes == [DefectCode.NUL_REMOVED, DefectCode.SURROGATE_REPLACED]


@pytest.mark.parametrize("charset", ["utf-8", None])
@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (
            "Voilà, c'était très bien, à bientôt".encode()[:-1] + b"\xc3",
            "Voilà, c'était très bien, à bientô\ufffd",
        ),
        ("Наш договор и счёт".encode()[:-1], "Наш договор и счё\ufffd"),
        ("Très bien ".encode() + b"\xed\xa0\xbd\xed\xb8\x80", "Très bien 😀"),
        (b"Done \xed\xa0\xbd\xed\xb8\x80", "Done 😀"),
    ],
)
def test_a_wrong_octet_in_utf_8_costs_its_character_alone(
    octets: bytes, text: str, charset: str | None
) -> None:
    assert decode_text(octets, charset, unreported) == text


@pytest.mark.parametrize("text", ["Prüfwörter: äöüÄÖÜß", "äöüÄÖÜß", "ÀÉÈÙÇ éèàùç", "¿ñÑáéíóú?"])
@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "iso-8859-15"])
def test_what_is_validly_declared_is_believed(text: str, charset: str) -> None:
    assert decode_text(text.encode(charset), charset, unreported) == text


@pytest.mark.parametrize("name", ["chinesebig5", "ChineseBig5", "cn-big5"])
def test_big5_under_its_other_names(name: str) -> None:
    assert decode_text("報價單 12".encode("big5"), name, unreported) == "報價單 12"
