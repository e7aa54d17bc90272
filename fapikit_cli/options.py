"""The arguments and options that several commands have, with their completion.

Role: RP, RS, AS
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from fapikit_cli.secret_input import SOURCES


def _profiles(incomplete: str) -> list[str]:
    from fapikit.profiles import PROFILES

    return [name for name in PROFILES if name.startswith(incomplete)]


def _profile(help_text: str) -> Any:
    return typer.Option("--profile", metavar="PROFILE", help=help_text, autocompletion=_profiles)


IssuerArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ISSUER", help="The issuer, letter by letter as its metadata name it.")
]
ProfileOption: TypeAlias = Annotated[str, _profile("The profile to go by.")]
OtherProfileOption: TypeAlias = Annotated[
    str | None, _profile("The rules for this login, instead of the client file's.")
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
