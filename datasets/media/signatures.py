"""Recognise a file by its first bytes, never by its name.

Magic numbers: WHATWG MIME Sniffing (https://mimesniff.spec.whatwg.org) and the formats' own
specifications. A name can only get a file refused or warned about, never accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import Invalid, _
from .facts import Kind

HEAD = 4096


@dataclass(frozen=True)
class Signature:
    """Name one format: `pillow` is the only Pillow plug-in allowed to open it."""

    content_type: str
    kind: Kind
    extension: str
    pillow: str = ""


JPEG = Signature("image/jpeg", "image", ".jpg", "JPEG")
PNG = Signature("image/png", "image", ".png", "PNG")
GIF = Signature("image/gif", "image", ".gif", "GIF")
WEBP = Signature("image/webp", "image", ".webp", "WEBP")
BMP = Signature("image/bmp", "image", ".bmp", "BMP")
TIFF = Signature("image/tiff", "image", ".tif", "TIFF")
JPEG2000 = Signature("image/jp2", "image", ".jp2", "JPEG2000")
NETPBM = Signature("image/x-portable-anymap", "image", ".pnm", "PPM")
WAV = Signature("audio/wav", "audio", ".wav")
FLAC = Signature("audio/flac", "audio", ".flac")
MP3 = Signature("audio/mpeg", "audio", ".mp3")
OGG = Signature("audio/ogg", "audio", ".ogg")
M4A = Signature("audio/mp4", "audio", ".m4a")
MP4 = Signature("video/mp4", "video", ".mp4")
WEBM = Signature("video/webm", "video", ".webm")
PDF = Signature("application/pdf", "pdf", ".pdf")
TEXT = Signature("text/plain; charset=utf-8", "text", ".txt")

_STARTS: tuple[tuple[re.Pattern[bytes], Signature], ...] = tuple(
    (re.compile(pattern, re.DOTALL), signature)
    for pattern, signature in (
        (rb"\xff\xd8\xff", JPEG),
        (rb"\x89PNG\r\n\x1a\n", PNG),
        (rb"GIF8[79]a", GIF),
        (rb"RIFF....WEBP", WEBP),
        (rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]", TIFF),
        (rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  \r\n\x87\n", JPEG2000),
        (rb"BM.{4}\x00\x00\x00\x00.{2}\x00\x00[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", BMP),
        (rb"P[456]\s+(?:#|\d)", NETPBM),
        (rb"(?:RIFF|RF64)....WAVE", WAV),
        (rb"fLaC", FLAC),
        (rb"ID3[\x02-\x04]|\xff[\xfb\xfa\xf3\xf2\xe3\xe2]", MP3),
        (rb"OggS\x00", OGG),
        (rb"....ftyp(?:M4A|M4B)", M4A),
        (rb"....ftyp(?!hei|hev|mif1|msf1|avi[fs]|jp2|crx)", MP4),
        (rb"\x1a\x45\xdf\xa3.{0,64}webm", WEBM),
        (rb"%PDF-\d", PDF),
    )
)

_UNSUPPORTED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), label)
    for pattern, label in (
        (rb"....ftyp(?:hei|hev|mif1|msf1)", "HEIC"),
        (rb"....ftypavi[fs]", "AVIF"),
        (rb"\x1a\x45\xdf\xa3", "Matroska"),
        (rb"PK\x03\x04|PK\x05\x06", "ZIP"),
        (rb"\x1f\x8b", "GZIP"),
        (rb"8BPS", "PSD"),
        (rb"RIFF....AVI ", "AVI"),
    )
)

# Atomic groups: a comment is matched in one way only, or hostile heads would take forever.
_PROLOGUE = rb"(?:(?><!--.*?-->)|(?><\?xml.*?\?>)|(?><!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)|\s)*+"
_MARKUP = re.compile(
    _PROLOGUE
    + rb"<\s*/?\s*(?:html|head|body|script|iframe|svg|style|title|meta|link|img|form|object"
    rb"|embed|table|div|font|h1|br|p|a|b)\b",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(rb"\s*<(?:\?xml|!DOCTYPE|!--)", re.IGNORECASE)
_SVG = re.compile(_PROLOGUE + rb"<(?:[\w.-]+:)?svg[\s>/]", re.IGNORECASE | re.DOTALL)

_EXTENSIONS: dict[Kind, str] = {
    "image": ".jpg .jpeg .jpe .jfif .png .apng .gif .webp .bmp .dib .tif .tiff .jp2 .j2k .jpx .mpo"
    " .pnm .pgm .ppm .pbm .svg .heic .heif .avif .psd .ico .tga",
    "audio": ".wav .flac .mp3 .ogg .oga .opus .m4a .aac .amr .wma",
    "video": ".mp4 .m4v .mov .webm .mkv .avi .mpg .mpeg .ogv",
    "pdf": ".pdf",
    "text": ".txt .text .md",
}
KIND_BY_EXTENSION: dict[str, Kind] = {
    extension: kind for kind, words in _EXTENSIONS.items() for extension in words.split()
}


def named_kind(name: str) -> Kind | None:
    """Tell which kind of media a file name claims to be, None when it claims none."""
    return KIND_BY_EXTENSION.get(PurePosixPath(name.lower()).suffix)


def recognise(head: bytes, name: str = "") -> Signature:
    """Recognise the first `HEAD` bytes; raise Invalid for markup, scripts and unknown bytes.

    Text is only a first guess: the caller has to read all of it before it is believed.
    """
    if not head:
        raise Invalid(_("the file is empty"))
    for pattern, signature in _STARTS:
        if pattern.match(head):
            return signature
    for pattern, label in _UNSUPPORTED:
        if pattern.match(head):
            raise Invalid(_("%(format)s files cannot be shown here"), format=label)
    _refuse_markup(head.removeprefix(b"\xef\xbb\xbf"), name)
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid(_("the content is in no format that is known here"))
    claimed = named_kind(name)
    if claimed not in (None, "text"):
        raise Invalid(_("the name says %(kind)s, but the content is not"), kind=claimed)
    return TEXT


def _refuse_markup(head: bytes, name: str) -> None:
    """Refuse markup, except in a file that is named and will be served as plain text."""
    if _SVG.match(head):
        raise Invalid(_("SVG can hold scripts and is not accepted; bring it as PNG"))
    if (_DECLARED.match(head) or _MARKUP.match(head)) and named_kind(name) != "text":
        raise Invalid(_("the content is HTML or XML, which is not accepted as a file"))


def name_differs(name: str, signature: Signature) -> bool:
    """Tell whether the extension of a name promises another format than the content is."""
    extension = PurePosixPath(name.lower()).suffix
    families = (
        ".jpg .jpeg .jpe .jfif .mpo",
        ".png .apng",
        ".tif .tiff",
        ".bmp .dib",
        ".jp2 .j2k .jpx",
        ".pnm .pgm .ppm .pbm",
        ".ogg .oga .opus .ogv",
        ".mp4 .m4v .m4a .mov",
        ".txt .text .md",
    )
    if extension not in KIND_BY_EXTENSION or extension == signature.extension:
        return False
    return not any(extension in f.split() and signature.extension in f.split() for f in families)
