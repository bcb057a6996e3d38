"""Hide most of a person's name, telephone number and e-mail address."""

from __future__ import annotations


def masked_name(name: str | None) -> str | None:
    """Return the first character of a name: 李小明 → 李**."""
    return None if not name else name[0] + "**"


def masked_phone(phone: str | None) -> str | None:
    """Return the first three and last two characters of a number, where it has at least eight."""
    if not phone:
        return None
    return f"{phone[:3]}****{phone[-2:]}" if len(phone) >= 8 else "****"


def masked_email(email: str | None) -> str | None:
    """Return the first character and the place of an address: l***@example.org."""
    if not email:
        return None
    name, _at, place = email.partition("@")
    return f"{name[:1]}***@{place}"
