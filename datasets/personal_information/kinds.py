"""List the kinds of personal information, as `pii_patterns` of the standards have them.

Sensitivity follows GB/T 35273-2020: `sensitive` information harms a person when it leaks,
`personal` tells who somebody is, `organisation` is public unless it stands for a sole trader.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import _

SENSITIVE = "sensitive"
PERSONAL = "personal"
ORGANISATION = "organisation"


@dataclass(frozen=True)
class Kind:
    """One kind: its name, title (a message), the standard behind it, how grave a leak is.

    `strength` settles overlaps: of two hits at one place the kind with the greater one stays.
    """

    name: str
    title: str
    standard: str
    sensitivity: str
    strength: int
    in_text: bool = True


_ALL = (
    Kind("id_card", _("identity card number"), "GB 11643-1999", SENSITIVE, 100),
    Kind("uscc", _("unified social credit code"), "GB 32100-2015", ORGANISATION, 95),
    Kind("bank_card", _("bank card number"), "ISO/IEC 7812-1", SENSITIVE, 90),
    Kind("mobile", _("mobile number"), "MIIT", PERSONAL, 85),
    Kind("email", _("e-mail address"), "RFC 5322", PERSONAL, 80),
    Kind("plate_nev", _("licence plate, new energy"), "GA 36-2018", PERSONAL, 75),
    Kind("plate", _("licence plate"), "GA 36-2018", PERSONAL, 74),
    Kind("plate_special", _("licence plate, special"), "GA 36-2018", PERSONAL, 73),
    Kind("passport", _("passport"), "ICAO 9303", SENSITIVE, 70),
    Kind("hk_mo_permit", _("travel permit"), "", SENSITIVE, 69),
    Kind("landline", _("landline number"), "", PERSONAL, 60),
    Kind("precise_location", _("precise location"), "GB/T 35273-2020", SENSITIVE, 50),
    Kind("ipv6", _("IPv6 address"), "RFC 4291", PERSONAL, 46),
    Kind("ipv4", _("IPv4 address"), "RFC 791", PERSONAL, 45),
    Kind("address", _("postal address"), "", PERSONAL, 30),
    Kind("name", _("name of a person"), "", PERSONAL, 20),
    # Of pictures alone.
    Kind("face", _("face"), "GB/T 41819-2022", SENSITIVE, 10, in_text=False),
)
KINDS: dict[str, Kind] = {each.name: each for each in _ALL}
TEXT_KINDS = tuple(each.name for each in _ALL if each.in_text)
