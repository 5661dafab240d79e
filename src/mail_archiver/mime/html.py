"""HTML mail: the text that a person reads in it, and a form that is harmless to show."""

import re
from html import escape

from mail_archiver.mime.html_balance import balanced, names
from mail_archiver.mime.html_text import FOLLOWED_LINK, Reader

MAX_TAGS = 60_000  # that open something, or that close it; with more of either, all are dropped

# What stays of a sender's HTML. None of these properties loads anything or leaves its place on the page.
ELEMENTS_KEPT = names(
    """a abbr address article aside b big blockquote br center cite code dd del dfn div dl dt em figcaption
    figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small
    span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"""
)
_ATTRIBUTES_KEPT = {
    "*": {"align", "bgcolor", "dir", "height", "lang", "style", "title", "valign", "width"},
    "a": {"href"},
    "font": {"color", "face", "size"},
    "img": {"alt", "border", "src"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "nowrap", "rowspan"},
    "th": {"colspan", "nowrap", "rowspan"},
}
_PROPERTIES_KEPT = names(
    """background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width
    border-collapse border-color border-left border-left-color border-left-style border-left-width
    border-radius border-right border-right-color border-right-style border-right-width border-spacing
    border-style border-top border-top-color border-top-style border-top-width border-width color
    direction display font font-family font-size font-style font-variant font-weight height
    letter-spacing line-height list-style-type max-height max-width min-width padding padding-bottom
    padding-left padding-right padding-top text-align text-decoration text-transform vertical-align
    white-space width word-break word-spacing word-wrap"""
)
_SCHEMES_KEPT = {"http", "https", "ftp", "mailto", "tel", "cid", "data"}
_SHOWN_IMAGE = re.compile(r"(?:cid:|data:image/(?:bmp|gif|jpe?g|png|webp)[;,])", re.IGNORECASE)
# An element in a line that holds only words, and is not hidden: half of the elements in mail are such.
_WORDS_IN_LINE = re.compile(
    r"<(?=[befiosuBEFIOSU])((?i:b|em|font|i|o:p|small|span|strong|u))(?:\s(?!(?i:[^<>]*none))[^<>]*+)?>([^<]*+)</\1>"
)
_ANY_TAGS = re.compile(r"(?:<[a-zA-Z/!?][^<>]*+>?)++")


def html_to_text(html: str) -> str:
    """The text of an HTML body, as a person would read it.

    Blocks stand on lines of their own, with at most one empty line between them; the cells of a row are two
    spaces apart; lists have "- " or their numbers, quotations "> ". A link whose text is not its address is
    followed by the address in angle brackets; an image is its alternative text. Left out is what is hidden by
    `display:none`, unless that is all there is, and what is there for programs alone (style sheets, scripts,
    titles).

    With more than `MAX_TAGS` tags it is just the words.
    """
    from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser  # 20 ms, for HTML alone

    if _has_too_many_tags(html):
        html = _ANY_TAGS.sub(" ", html)
    for _ in range(2):  # saves a quarter of the time for a newsletter
        html = _WORDS_IN_LINE.sub(r"\2", html)
    # With events, lexbor copies the option that is selected, in quadratic time.
    body = LexborHTMLParser(balanced(html), options=LexborDocumentOptions.WO_EVENTS).body
    text = ""
    for hides in (True, False):
        if body and not text:
            reader = Reader(hides=hides)
            reader.read(body)
            text = "".join(reader.out).strip()
    return text


def sanitize_html(html: str) -> str:
    """HTML that can be shown to a person, in a CRM or a browser: nothing in it acts, asks or reports back.

    Kept are the elements of `ELEMENTS_KEPT` with the attributes of `_ATTRIBUTES_KEPT`, and of an inline style
    the properties of `_PROPERTIES_KEPT`; of other elements their content. Links keep http(s), ftp, mailto and
    tel addresses and get rel="noopener noreferrer nofollow". Images keep a `cid:` address, which the caller
    resolves, and `data:` ones of PNG, JPEG, GIF or WebP; of a remote one only the alternative text stays.

    Gone are scripts, event handlers, forms, frames, style sheets, classes, ids, comments, SVG, relative
    addresses, whatever else loads from outside, and `position` and `margin`, with which content could leave
    its place. Elements are closed where their container ends.

    With more than `MAX_TAGS` tags it is the words alone, in <pre>.
    """
    import nh3

    if _has_too_many_tags(html):
        return f"<pre>{escape(html_to_text(html), quote=False)}</pre>"
    return nh3.clean(
        balanced(html, ELEMENTS_KEPT),
        tags=set(ELEMENTS_KEPT),
        attributes=_ATTRIBUTES_KEPT,
        attribute_filter=_filter_attribute,
        filter_style_properties=set(_PROPERTIES_KEPT),
        url_schemes=_SCHEMES_KEPT,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )


def _filter_attribute(_element: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if _SHOWN_IMAGE.match(value) else None
    if attribute == "href":
        return value if FOLLOWED_LINK.match(value.strip()) else None
    return value


def _has_too_many_tags(html: str) -> bool:
    ends = html.count("</")
    return max(ends, html.count("<") - ends) > MAX_TAGS
