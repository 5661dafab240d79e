import re
import subprocess
import sys
from itertools import count, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mail_archiver.mime.html import html_to_text, sanitize_html

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain &amp; simple", "plain & simple"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<div>one</div><div>two</div>three", "one\ntwo\nthree"),
        ("one<br>two<br/>\n<BR>three", "one\ntwo\n\nthree"),
        ("<div>one<br></div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>two</p>", "one\n\ntwo"),
        ("<p style='margin:0in 0in 0.0001pt'>one</p><p style='margin:0cm'>two</p>", "one\ntwo"),
        ("<p style='margin:0 0 1em'>one</p><p>two</p>", "one\n\ntwo"),
        ("<table><tr><td><p>one</td></tr><tr><td>two</table>", "one\n\ntwo"),
        ("one<br><b>&nbsp;</b>two<br><b>&nbsp;</b><br>three", "one\ntwo\n\nthree"),
        ("<p>one</p>\n\n<p>&nbsp;</p><p> </p><hr><h1>two</h1><br><br><br>three", "one\n\ntwo\n\nthree"),
        ("a <b>bold</b> word,<i> or</i>\n\t two", "a bold word, or two"),
        ("H<sub>2</sub>O and<span> 5</span>&nbsp;&euro;&#8364;&#x20AC;&#128;", "H2O and 5 €€€€"),
        ("&lt;b&gt; &unknown; &copy &amp;lt; AT&T", "<b> &unknown; © &lt; AT&T"),
        ("a < b, 1<2, <3, </ x>end", "a < b, 1<2, <3, end"),
        ("<ul><li>one<li>two<ul><li>three</ul></ul>", "- one\n- two\n  - three"),
        ("<ol><li>one</li><li>two</li></ol><ol start=7><li>seven</ol>", "1. one\n2. two\n7. seven"),
        ("<ul><li></li></ul>after", "after"),
        ("<table><tr><td>a</td>\n<td> b </td></tr><tr><th>c<th>d</table>", "a  b\nc  d"),
        (
            "<blockquote>one<p>two</p><blockquote>three</blockquote></blockquote>four",
            "> one\n>\n> two\n>\n> > three\n\nfour",
        ),
        ("<pre>\n  one\n    two  \n\n\n\nthree\r\nfour</pre>", "one\n    two\n\nthree\nfour"),
        ("x<pre>\n  one</pre>y", "x\n\n  one\n\ny"),
        ("<style>p{}</style><title>T</title><script>if (a<b) '<p>'</script>x<STYLE >y</Style\n>z", "xz"),
        ("x<!-- no --><!--[if mso]><p>no</p><![endif]--><![if !mso]>y<![endif]>z<!-->!", "xyz!"),
        ("x<script>never closed", "x"),
        (
            '<a href="https://example.com/a?b=1&amp;copy=2">here</a>.',
            "here <https://example.com/a?b=1&copy=2>.",
        ),
        ('<a href="https://www.example.com/">example.com</a>', "example.com"),
        ('<a href="http://example.com">https://Example.com/</a>', "https://Example.com/"),
        ('<a href="mailto:ann@example.com">ann@example.com</a>', "ann@example.com"),
        ('<a href="mailto:ann@example.com">Ann</a>', "Ann <ann@example.com>"),
        (
            '<a href="javascript:alert(1)">a</a> <a href="cid:1">b</a> <a href="#c">c</a> <a name=d>d</a>',
            "a b c d",
        ),
        ('<a href="https://example.com/"><img src="x.gif"></a>', ""),
        ('<a href="https://example.com/"><img src="x.gif" alt="Shop"></a>', "Shop <https://example.com/>"),
        ("<a href='http://x.example/a b\n<c>'>x", "x <http://x.example/a%20b%3Cc%3E>"),
        ('See<img alt="a &quot;logo&quot;" src=x>there', 'See a "logo" there'),
        ('<div style="DISPLAY : none">no<div>no</div></div>yes', "yes"),
        ('<SPAN STYLE="DISPLAY:NONE">no</SPAN><b>y</b><font style="text-decoration:none">es</font>', "yes"),
        (
            'a<i style="display:none">no</i>b<br style="display:none">c<img alt=no style="display:none">',
            "abc",
        ),
        ('<p style="display:none">kept, for there is nothing else', "kept, for there is nothing else"),
        ("pre\u00adheader &zwnj; &#847; &#8203;\ufeff x می\u200cخواهم", "preheader x می\u200cخواهم"),
        ("<select><option>one<option>two</select><button>three</button>", "one\ntwo\nthree"),
        ("<svg><g><text>drawn</text></g></svg><math><mi>x</mi></math>", "drawnx"),
        ("<x-y>known or not</x-y>", "known or not"),
        ("<p title='a > b' data-x=\"</p>\">text", "text"),
    ],
)
def test_the_text_is_what_a_person_reads(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_a_whole_mail_reads_like_one() -> None:
    html = """<html><head><meta charset="utf-8"><title>Offer</title><style>p { color: red }</style></head>
    <body><div style="display:none;max-height:0">Preview&nbsp;&zwnj;&nbsp;&zwnj;</div>
    <p>Dear&nbsp;Ann,</p>
    <p>here is our <b>offer</b>:</p>
    <table border="0"><tbody><tr><td>Chairs</td><td align="right">4</td></tr>
    <tr><td>Desks</td><td align="right">2</td></tr></tbody></table>
    <p>Read <a href="https://example.com/terms">the terms</a>.<br>Yours, Bo</p>
    <div>On Monday, Ann wrote:<br></div><blockquote type="cite"><div>Can you make</div><div>an offer?</div>
    </blockquote></body></html>"""
    assert html_to_text(html) == (
        "Dear Ann,\n\nhere is our offer:\n\nChairs  4\nDesks  2\n\n"
        "Read the terms <https://example.com/terms>.\nYours, Bo\n\nOn Monday, Ann wrote:\n\n"
        "> Can you make\n> an offer?"
    )


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("a < b &amp; c", "a &lt; b &amp; c"),
        ("<p>one<p>two", "<p>one</p><p>two</p>"),
        ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
        ("<b>x<p>y", "<b>x<p>y</p></b>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        (
            "<table><tr><td>a<td>b<tr><td>c</table>",
            "<table><tbody><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></tbody></table>",
        ),
        ("<table>a<b>b</b></table>", "<table><tbody><tr><td>a<b>b</b></td></tr></tbody></table>"),
        ("<td>x</td></tr></table>", "x"),
        (
            "<div><font><table><tr><td></font>x</div>",
            "<div><font><table><tbody><tr><td>x</td></tr></tbody></table></font></div>",
        ),
        (
            '<p onclick="x()" class="c" id="i" style="color:red;position:fixed;margin:-9px">x</p>',
            '<p style="color:red">x</p>',
        ),
        ("<style>p{}</style><script>x()</script><link rel=stylesheet href=x><meta http-equiv=refresh>x", "x"),
        ("<form action=x><input name=y><button>b</button><select><option>o</select></form>", "bo"),
        ("<iframe src=x>no</iframe><object data=x>o</object><embed src=x><svg onload=x><g>s</g></svg>", "os"),
        ("<base href='http://x.example/'><body onload=x background=y>z", "z"),
        ("<!-- no --><![CDATA[x]]>y", "y"),
        ("<<svg>b>x", "&lt;b&gt;x"),
        ("<img src='http://t.example/1.gif' alt=Logo width=1>", '<img width="1" alt="Logo">'),
        ("<img src=//t.example/1.gif><img src=1.gif><img srcset='x 2x'>", "<img><img><img>"),
        ("<img src=cid:a@b>", '<img src="cid:a@b">'),
        ("<img src='data:image/png;base64,AAAA'>", '<img src="data:image/png;base64,AAAA">'),
        ("<img src='data:image/svg+xml,x'><img src='data:text/html,x'>", "<img><img>"),
        (
            "<p style='background-image:url(http://x);background:url(x);list-style:url(x)'>x</p>",
            '<p style="">x</p>',
        ),
    ],
)
def test_what_is_harmless_stays_and_the_rest_goes(html: str, clean: str) -> None:
    assert sanitize_html(html) == clean


REL = ' rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://example.com/a?b=1", True),
        (" HTTPS://example.com/", True),
        ("mailto:ann@example.com", True),
        ("tel:+33123456789", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("&#106;avascript:alert(1)", False),
        ("data:text/html,x", False),
        ("cid:part@example.com", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
        ("//example.com/", False),
        ("page.html", False),
    ],
)
def test_a_link_leads_out_or_nowhere(address: str, kept: bool) -> None:
    clean = sanitize_html(f'<a href="{address}" target="_blank" ping="http://x">x</a>')
    assert clean == (f'<a href="{address}"{REL}>x</a>' if kept else f"<a{REL}>x</a>")


def test_a_long_mail_keeps_its_elements() -> None:
    row = '<tr><td style="color:red">' + "word " * 200 + "</td></tr>"
    clean = sanitize_html(f"<div><table>{row * 2_000}</table></div>")
    assert clean.count("<tr>") == 2_000
    assert clean.count("word") == 400_000
    assert clean.count("<table>") == clean.count("</table>") == clean.count("<div>") == 1


def test_deep_content_is_kept_without_its_tags() -> None:
    html = "<div>" * 5_000 + "<b>deep</b>" + "</div>" * 5_000
    assert html_to_text(html) == "deep"
    clean = sanitize_html(html)
    assert clean.count("<div>") == clean.count("</div>") == 128
    assert "deep" in clean


def test_with_far_too_many_tags_the_words_are_left() -> None:
    html = "<i><b>word</b></i> &lt; " * 200_000
    assert html_to_text(html) == " ".join(["word <"] * 200_000)
    assert sanitize_html(html) == "<pre>" + " ".join(["word &lt;"] * 200_000) + "</pre>"


@pytest.mark.parametrize(
    "unit", ["<p>hello world</p>", "<tr><td style='padding:0 10px'>x</td></tr>" + "word " * 60]
)
def test_what_is_merely_large_is_read_and_cleaned_like_any_other(unit: str) -> None:
    html = "<table>" * unit.startswith("<tr") + unit * (MIB // len(unit))
    assert html_to_text(html).count("\n") > html.count("</") / 2.1
    assert not sanitize_html(html).startswith("<pre>")


TAGS = [
    "a href=http://x.example",
    "b",
    "p",
    "div",
    "td",
    "tr",
    "table",
    "li",
    "ul",
    "ol",
    "pre",
    "blockquote",
]
TAGS += [
    "font color=red",
    "span style='display:none'",
    "br",
    "img alt=x",
    "script",
    "style",
    "svg",
    "select",
    "h1",
]
SCRAPS = st.sampled_from(
    [f"<{tag}>" for tag in TAGS]
    + [f"</{tag.split()[0]}>" for tag in TAGS]
    + [
        "<",
        ">",
        "&",
        "&lt;",
        "<!--",
        "-->",
        "<![CDATA[",
        "'",
        '"',
        "=",
        "/",
        " ",
        "\n",
        "\0",
        "\u00a0",
        "\ud800",
        "x y",
    ]
)
SOUP = st.lists(st.one_of(SCRAPS, st.text(max_size=5)), max_size=60).map("".join)


@given(SOUP)
def test_any_soup_gives_tidy_text(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()
    if "<pre" not in html.lower():
        assert "\n\n\n" not in text
        assert not re.search(r"[ \t\r]\n", text)


@given(SOUP)
def test_what_was_cleaned_is_clean(html: str) -> None:
    clean = sanitize_html(html.encode("utf-8", "replace").decode())
    assert not re.search(r"<(?:script|style|svg|select|[^a-z/])", clean)
    assert clean.count("<") == len(re.findall(r"</?[a-z][^<>]*>", clean))
    assert sanitize_html(clean).count("<") == clean.count("<")


WORDS = st.text("abcxyz", min_size=1, max_size=5)
SOUND = st.recursive(
    WORDS,
    lambda inner: st.tuples(
        st.sampled_from(["div", "p", "ul", "li", "h2", "blockquote", "span", "b", "font", "center"]),
        st.lists(inner, max_size=4),
    ).map(lambda element: f" <{element[0]}>{' '.join(element[1])}</{element[0]}> "),
    max_leaves=20,
)


@given(SOUND)
def test_no_word_is_lost_that_a_browser_shows(html: str) -> None:
    body = LexborHTMLParser(html).body
    shown = body.text(separator=" ").split() if body else []
    assert re.findall("[a-z]+", html_to_text(html)) == shown
    cleaned = LexborHTMLParser(sanitize_html(html)).body
    assert (cleaned.text(separator=" ").split() if cleaned else []) == shown


def _many(template: str) -> str:
    sizes = takewhile(lambda n: n * (len(template) + 6) < MIB, count())
    return "".join(template.replace("#", str(n)) for n in sizes)


# Each took minutes, gigabytes or the process's life in lexbor, html5ever or a careless regular expression, or
# may have: what is repeated to a mebibyte, which is as much as is read of a body, and what comes before it.
HOSTILE = {
    "deep": ("", "<div>"),
    "formatting never closed": ("", "<a><b><i><font>"),
    "formatting across paragraphs": ("", "<b><p>x"),
    "formatting across paragraphs, each with a look of its own": ("", "<font size=#><p>x"),
    "ends that count for nothing in a cell": ("", "<div><table><tr><td></div></table>"),
    "ends in what is no markup": ("", "<div><xmp></div></xmp>"),
    "blocks at the greatest depth": ("", "<details><summary>x"),
    "attributes of the whole": ("", "<body a#>"),
    "attributes of nothing": ("<p ", "/"),
    "attributes": ("<p ", "a# "),
    "attributes by the tag": ("", "<p " + " ".join(f"a{n}=1" for n in range(60)) + ">x</p>"),
    "no-break spaces in an attribute": ("<p title='", "\u00a0"),
    "references in an attribute": ("<p title='", "&amp;"),
    "no-break spaces": ("", "\u00a0"),
    "no-break spaces between unknown tags": ("", "\u00a0" * 12 + "<x>"),
    "ampersands": ("", "&"),
    "references that are none": ("", "&" + "a" * 31),
    "select": ("", "<select><option>x"),
    "options": ("<select>", "<option>x"),
    "svg": ("", "<svg><g>"),
    "character data": ("<svg><![CDATA[", "<div>"),
    "comments": ("", "<!--"),
    "less-than": ("", "<"),
    "tags never closed": ("", "<a "),
    "a value never closed": ('<a href="', "<div>"),
    "tables in tables": ("", "<table><tr><td>"),
    "text between cells": ("<table>", "<b>x</b>"),
    "line ends between cells": ("<table>", " x <br>"),
    "ends of nothing": ("", "</p>"),
    "titles": ("", "<title></titl"),
    "hidden": ("", "<p style=display:none>x"),
    "quotations": ("<blockquote>" * 90 + "<pre>", "x\n"),
    "blanks": ("<pre>", "  \t x"),
    "items below much": ("<ul><li>" + "<div>" * 120, "<li>x</li>" + "word " * 9),
    "links": ("", "<a href=http:a>x</a>" + "word " * 5),
    "pictures": ("", "<img src=cid:x alt=y>" + "word " * 5),
    "styles": ("<p style='", "color:red;("),
    "deep, below the limit of tags": ("<div>" * 59_000, "x"),
    "deep and closed, below the limit of tags": ("<div>" * 59_000 + "</div>" * 59_000, "x"),
    "NUL": ("", "\0"),
    "large start tags to open again": (("<div title='" + "x" * 490 + "'>") * 128, "x "),
}
# A third of a second here, where a slow machine may take its time; in quadratic time it would take minutes.
LIMITS = """
import re, sys, time
from pathlib import Path
from mail_archiver.mime.html import html_to_text, sanitize_html
html = sys.stdin.buffer.read().decode()
sanitize_html("<p>x"), html_to_text("&amp;")
def mib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
for read in (html_to_text, sanitize_html):
    before = mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    started = time.process_time()
    read(html).encode()
    spent_s, spent_mib = time.process_time() - started, mib("VmHWM") - before
    assert spent_s < 3 and spent_mib < 64, (read.__name__, spent_s, spent_mib)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_costs_no_more_than_its_length(name: str) -> None:
    before, unit = HOSTILE[name]
    repeated = _many(unit) if "#" in unit else unit * (MIB // len(unit.encode()))
    html = (before + repeated).encode()[:MIB]
    run = subprocess.run(
        [sys.executable, "-c", LIMITS],
        input=html.decode("utf-8", "ignore").encode(),
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr.decode()
