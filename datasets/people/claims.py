"""What an outside provider says of somebody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claims:
    """Who somebody is, as the provider says."""

    issuer: str
    subject: str
    username: str = ""
    name: str = ""
    # Only where the provider has verified it.
    email: str = ""
