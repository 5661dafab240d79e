"""vCards, as address books of thirty years have written them."""

import pytest

from mail_archiver.archiving.vcard_file import is_vcard, read_vcards
from mail_archiver.domain.contact import ImportedContact


def read(*lines: str | bytes, version: str = "3.0") -> ImportedContact | str:
    """What is read of one card with these lines."""
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    content = b"\r\n".join([b"BEGIN:VCARD", f"VERSION:{version}".encode(), *encoded, b"END:VCARD", b""])
    [line] = read_vcards(content)
    return line.content


def contact(*lines: str | bytes, version: str = "3.0") -> ImportedContact:
    """The same, where it has to be a contact; its address is told unless the lines have one."""
    has_address = any(b"EMAIL" in (each if isinstance(each, bytes) else each.encode()) for each in lines)
    found = read(*lines, *([] if has_address else ["EMAIL:ann@client.example"]), version=version)
    assert isinstance(found, ImportedContact)
    return found


def addresses(*lines: str, version: str = "3.0") -> list[str]:
    return [address for address, _ in contact(*lines, version=version).addresses]


def names(*lines: str | bytes, version: str = "3.0") -> tuple[str | None, str | None]:
    found = contact(*lines, version=version)
    return found.first_name, found.last_name


def test_a_card_of_version_4_as_a_caldav_server_has_it() -> None:
    assert read(
        "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1",
        "FN:Hélène Aubry",
        "N:Aubry;Hélène;;Mme;",
        "EMAIL;TYPE=home:h.aubry@post.example",
        'EMAIL;PREF=1;TYPE="work,internet":Helene@Aubry.example',
        "ORG:Maison Aubry;Cuisine",
        version="4.0",
    ) == ImportedContact(
        "urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1",
        "contact",
        "Hélène",
        "Aubry",
        "Maison Aubry",
        (("Helene@Aubry.example", "helene@aubry.example"), ("h.aubry@post.example", "h.aubry@post.example")),
    )


@pytest.mark.parametrize(
    ("version", "preferred"),
    [
        ("2.1", "EMAIL;PREF;INTERNET:b@client.example"),
        ("3.0", "EMAIL;TYPE=INTERNET,PREF:b@client.example"),
        ("3.0", "item2.EMAIL;type=INTERNET;type=WORK;type=pref:b@client.example"),
        ("4.0", "EMAIL;PREF=1:b@client.example"),
    ],
)
def test_the_preferred_address_is_the_primary_one(version: str, preferred: str) -> None:
    assert addresses("EMAIL;PREF=50:a@client.example", preferred, version=version)[0] == "b@client.example"


def test_without_a_preference_the_first_address_is_the_primary_one() -> None:
    found = addresses("EMAIL:b@client.example", "EMAIL:", "EMAIL:a@client.example", "EMAIL:B@client.example")
    assert found == ["b@client.example", "a@client.example"]


def test_without_a_uid_the_first_address_is_the_id_whichever_is_preferred() -> None:
    for preference in ("", ";PREF=1"):
        found = contact("EMAIL:Ann@Client.example", f"EMAIL{preference}:b@client.example")
        assert found.external_id == "mailto:ann@client.example"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Lef=C3=A8vre;Zo=C3=AB", ("Zoë", "Lefèvre")),
        (b"N;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Lef=E8vre;Zo=EB", ("Zoë", "Lefèvre")),
        (b"N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Lef=C3=\r\n=A8vre;Zo=\r\n  =C3=AB", ("Zoë", "Lefèvre")),
        (b"N;CHARSET=ISO-8859-1:Lef\xe8vre;Zo\xeb", ("Zoë", "Lefèvre")),
    ],
)
def test_the_encodings_of_version_2_1(line: bytes, expected: tuple[str, str]) -> None:
    assert names(line, version="2.1") == expected


def test_a_line_may_be_folded_inside_a_character() -> None:
    folded = "N:Aubry;Hélène".encode().replace(b"\xc3\xa9", b"\xc3\r\n \xa9")
    assert names(folded) == ("Hélène", "Aubry")
    assert addresses("EMAIL;TYPE=work:helene.au\r\n\tbry@client.example") == ["helene.aubry@client.example"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["N:Aubry;Hélène", "FN:Dr. H. Aubry"], ("Hélène", "Aubry")),
        (["N:;;;;", "FN:Hélène Aubry"], (None, "Hélène Aubry")),
        (["FN:Aubry\\, Hélène"], (None, "Aubry, Hélène")),
        (["N:Müller\\; Söhne;\\\\;", "FN:x"], ("\\", "Müller; Söhne")),
        (["N:Aubry"], (None, "Aubry")),
        ([], (None, None)),
    ],
)
def test_names(lines: list[str], expected: tuple[str | None, str | None]) -> None:
    assert names(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["FN:Nobody"], "no UID, and no address to go by"),
        (["EMAIL:not an address"], "no UID, and no address to go by"),
        (["EMAIL:ann@client.example", "FN:A\0"], "a NUL character"),
        (["KIND:group", "EMAIL:all@client.example"], "a group, not a person"),
        (["KIND:org", "EMAIL:office@client.example"], "an organization, not a person"),
    ],
)
def test_why_a_card_is_left_out(lines: list[str], reason: str) -> None:
    assert read(*lines) == f"card 1: {reason}"


def test_an_address_that_is_none_costs_itself_alone() -> None:
    content = b"BEGIN:VCARD\nEMAIL:nobody\nEMAIL:mailto:ann@client.example\nEND:VCARD\n"
    (line,) = read_vcards(content)
    assert not isinstance(line.content, str)
    assert (line.content.addresses, line.bad_addresses) == ((("ann@client.example",) * 2,), ("nobody",))


def test_many_cards_of_which_some_are_bad() -> None:
    content = (
        "\ufeffbegin:vcard\nFN:A\nEMAIL:a@client.example\nend:vcard\n\n"
        "BEGIN:VCARD\nFN:B\nEND:VCARD\nwhat stands between does not count\n"
        "BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nEMAIL:agent@client.example\nEND:VCARD\n"
        "a line that says nothing\nPHOTO;ENCODING=BASE64;TYPE=JPEG:\n /9j/4AAQSkZJRgABAQ==\n\n"
        "EMAIL:c@client.example\nEND:VCARD\nBEGIN:VCARD\nEMAIL:d@client.example\n"
    ).encode()
    assert is_vcard(content)
    found = [
        (line.number, line.content if isinstance(line.content, str) else line.content.external_id)
        for line in read_vcards(content)
    ]
    assert found == [
        (1, "mailto:a@client.example"),
        (6, "card 2: no UID, and no address to go by"),
        (10, "mailto:c@client.example"),
        (21, "card 4: has no END:VCARD"),
    ]


def test_a_csv_is_no_vcard() -> None:
    assert not is_vcard(b"external_id,addresses\n")
