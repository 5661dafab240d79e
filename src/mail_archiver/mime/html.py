"""HTML mail: the text that a person reads in it, and a form that is harmless to show."""

import re
from html import escape

from mail_archiver.mime.html_balance import ELEMENTS_KEPT, Balanced
from mail_archiver.mime.html_text import Text
from mail_archiver.mime.html_tokens import ANY_TAGS, names

MAX_TAGS = 250_000  # that open something, or that close it; with more of either, all are dropped
MAX_READ = 340_000  # the same for `html_to_text`, links and styles counted twice
MAX_CLEANED = 300_000  # the same for `sanitize_html`; links, images, styles, parts of tables counted thrice

# What stays of a sender's HTML. None of these properties loads anything or leaves its place on the page.
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
_FOLLOWED_LINK = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)


def html_to_text(html: str) -> str:
    """The text of an HTML body, as a person would read it.

    Blocks stand on lines of their own, with at most one empty line between them; the cells of a row are two
    spaces apart; lists have "- " or their numbers, quotations "> ". A link whose text is not its address is
    followed by the address in angle brackets; an image is its alternative text. Left out is what is hidden by
    `display:none`, and what is there for programs alone (style sheets, scripts, titles).

    With more than `MAX_TAGS` tags it is just the words.
    """
    if _is_too_much_to_read(html):
        return _words_alone(html)
    text = Text(hides=True)
    text.read(html)
    if text.hidden:  # its end is missing: rather too much than half of the message
        text = Text(hides=False)
        text.read(html)
    return "".join(text.out).strip()


def sanitize_html(html: str) -> str:
    """HTML that can be shown to a person, in a CRM or a browser: nothing in it acts, asks or reports back.

    Kept are the elements of `ELEMENTS_KEPT` with the attributes of `_ATTRIBUTES_KEPT`, and of an inline style
    the properties of `_PROPERTIES_KEPT`; of other elements their content. Links keep http(s), ftp, mailto and
    tel addresses and get rel="noopener noreferrer nofollow". Images keep a `cid:` address, which the caller
    resolves, and `data:` ones of PNG, JPEG, GIF or WebP; of a remote one only the alternative text stays.

    Gone are scripts, event handlers, forms, frames, style sheets, classes, ids, comments, SVG, relative
    addresses, whatever else loads from outside, and `position` and `margin`, with which content could leave
    its place. Elements are closed where their container ends.

    With more than `MAX_TAGS` tags, or `MAX_CLEANED`, it is the words alone, in <pre>.
    """
    import nh3

    if _is_too_much_to_read(html) or _is_too_much_to_clean(html):
        return f"<pre>{escape(_words_alone(html), quote=False)}</pre>"
    cleaner = nh3.Cleaner(
        tags=set(ELEMENTS_KEPT),
        attributes=_ATTRIBUTES_KEPT,
        attribute_filter=_filter_attribute,
        filter_style_properties=set(_PROPERTIES_KEPT),
        url_schemes=_SCHEMES_KEPT,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )
    return "".join(cleaner.clean(piece) for piece in Balanced().pieces(html))


def _filter_attribute(_element: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if _SHOWN_IMAGE.match(value) else None
    if attribute == "href":
        return value if _FOLLOWED_LINK.match(value.strip()) else None
    return value


def _is_too_much_to_read(html: str) -> bool:
    ends = html.count("</")
    starts = html.count("<") - ends
    costly = sum(html.count(sign) for sign in ("<a", "<A", "style", "STYLE"))
    return max(ends, starts) > MAX_TAGS or starts + costly > MAX_READ


def _is_too_much_to_clean(html: str) -> bool:
    costly = sum(html.count(sign) for sign in ("<a", "<A", "<i", "<I", "<t", "<T", "style", "STYLE"))
    return html.count("<") - html.count("</") + 2 * costly + html.count("&") > MAX_CLEANED


def _words_alone(html: str) -> str:
    text = Text(hides=False)
    text.text(ANY_TAGS.sub(" ", html))
    return "".join(text.out).strip()
