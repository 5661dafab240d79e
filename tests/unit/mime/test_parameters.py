from collections.abc import Mapping

import pytest

from mail_archiver.mime.parameters import Parameter, read_parameters


def read(raw: bytes) -> tuple[str, Mapping[str, Parameter]]:
    return read_parameters(raw.decode("ascii", "surrogateescape"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"attachment", {}),
        (b"a; x=1", {"x": "1"}),
        (b'a; x="1; y=2"; Z = 3 ', {"x": "1; y=2", "z": "3"}),
        (b'a; x="say \\"hi\\""', {"x": 'say "hi"'}),
        (b'a; x="C:\\temp\\a.pdf"', {"x": "C:\\temp\\a.pdf"}),
        (b'a; x="C:\\\\temp"', {"x": "C:\\temp"}),
        (b'a; x="never closed; y=2', {"x": "never closed", "y": "2"}),
        (b"a; x=my report (1).pdf; y=2", {"x": "my report (1).pdf", "y": "2"}),
        (b"a; x=1; x=2", {"x": "1"}),
        (b'a x="1" y="2"', {"x": "1", "y": "2"}),
        (b'a;;; x=1;; ;y="2";', {"x": "1", "y": "2"}),
        (b"a; x", {"x": ""}),
        (b"a; =1; y=2", {"y": "2"}),
        (b"a; x=", {"x": ""}),
        (b"a; x=\xc3\xa9", {"x": "é"}),
        (b"a; x=\xe9", {"x": "é"}),
        (b"a; x==?utf-8?Q?=C3=A9?=", {"x": "=?utf-8?Q?=C3=A9?="}),
    ],
)
def test_parameters_are_read_as_senders_write_them(raw: bytes, expected: dict[str, str]) -> None:
    value, parameters = read(raw)
    assert value == "a" * (raw[:2] != b"at") or value == "attachment"
    assert {name: parameter.text for name, parameter in parameters.items()} == expected


@pytest.mark.parametrize(
    ("raw", "text", "octets"),
    [
        (b"a; x*=utf-8'fr'%C3%A9t%C3%A9", "été", b"\xc3\xa9t\xc3\xa9"),
        (b"a; x*=iso-8859-1''%E9t%E9", "été", b"\xe9t\xe9"),
        (b"a; x*=UTF-8''%C3%A9; x=plain", "é", b"\xc3\xa9"),
        (b"a; x=plain; x*=UTF-8''%C3%A9", "é", b"\xc3\xa9"),
        (b"a; x*0=one; x*1=two", "onetwo", b"onetwo"),
        (b'a; x*1="two"; x*0="one "', "one two", b"one two"),
        (b"a; x*0*=utf-8''%C3; x*1*=%A9; x*2=%20", "é%20", b"\xc3\xa9%20"),
        (b"a; x*=no%20charset", "no charset", b"no charset"),
        (b"a; x*=bogus''%C3%A9", "é", b"\xc3\xa9"),
        (b"a; x*=a\x00b''%C3%A9", "é", b"\xc3\xa9"),
        (b"a; x*=''%FF", "\xff", b"\xff"),
        (b"a; x*=idna''%FF", "\xff", b"\xff"),
        (b"a; x*=utf-8''50%", "50%", b"50%"),
        (b"a; x*0*=utf-8''a'b", "a'b", b"a'b"),
        (b"a; x*0*=utf-8''%C3; x*=utf-8''%C3%A9; x*1*=%A9", "é", b"\xc3\xa9"),
        (b"a; x=one; y*" + b"9" * 5000 + b"=two", "one", b"one"),
    ],
)
def test_parameters_of_rfc_2231_are_put_together(raw: bytes, text: str, octets: bytes) -> None:
    parameter = read(raw)[1]["x"]
    assert (parameter.text, parameter.octets) == (text, octets)


def test_the_value_is_in_lower_case_and_without_quotation_marks() -> None:
    assert read(b' "Text/HTML" ; charset=x')[0] == "text/html"
