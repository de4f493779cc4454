"""Settings of who may ask what, and of who the server is: to clients and to the machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from geodns.config.base import Settings
from geodns.config.values import AbsoluteName, Network
from geodns.config.wording import Words

Clients = Literal["any", "none"] | tuple[Network, ...]
AccountName = Annotated[str, Field(min_length=1), Words("a name of the machine's, as in geodns")]
"""A user or a group. Whether there is one is only known on the machine that serves."""

VersionText = Annotated[
    str, Field(min_length=1, max_length=60), Words("text of at most 60 characters")
]
"""In any language it fits into one string of a TXT record, 255 bytes."""


class AllowQuery(Settings):
    """Who may ask for names of a zone; others are answered REFUSED.

    What counts is the address that the query comes from, never the client subnet that it carries.
    """

    default: Clients = Field("any", description="for zones that are not named below")
    zones: dict[AbsoluteName, Clients] = Field({}, description="by zone, with the final dot")
