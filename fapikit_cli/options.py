"""The arguments and options that several commands have, with their completion.

Role: RP, RS, AS
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from fapikit_cli.secret_input import SOURCES


def _profiles(incomplete: str) -> list[str]:
    from fapikit.profiles import PROFILES

    return [name for name in PROFILES if name.startswith(incomplete)]


IssuerArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ISSUER", help="The issuer, letter by letter as its metadata name it.")
]
ProfileOption: TypeAlias = Annotated[
    str, typer.Option("--profile", metavar="PROFILE", help="The profile to go by.", autocompletion=_profiles)
]
CaOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", help="PEM file of the authority that signed the server's certificate."
    ),
]
KeyOption: TypeAlias = Annotated[
    str | None, typer.Option("--key", metavar="SOURCE", help=f"A private key, JWK or PEM: {SOURCES}.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Write JSON for a machine.")]
