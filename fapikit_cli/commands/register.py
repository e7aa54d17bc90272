"""`fapikit register`: registers a client at a server, and writes its key, its registration and its client file.

Spec: RFC 7591 3; RFC 7592 2
Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fapikit_cli.client_options import ScopeOption
from fapikit_cli.options import CaOption, IssuerArgument, ProfileOption
from fapikit_cli.secret_input import IN_SHORT
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def register(
    issuer: IssuerArgument,
    profile: ProfileOption = "fapi2-security",
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="FOLDER", help="Where the key, registration and client file go."),
    ] = Path(),
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What users see.")
    ] = "fapikit command line",
    scope: ScopeOption = None,
    api: Annotated[
        str | None, typer.Option("--api", metavar="URL", help="The API to call: its resource identifier.")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option("--redirect-uri", metavar="URI", help="Instead of the loopback addresses of a program."),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            "--metadata", metavar="FILE", help="JSON with further client metadata, a software statement too."
        ),
    ] = None,
    initial_access_token: Annotated[
        str | None,
        typer.Option("--initial-access-token", metavar="SOURCE", help=f"{IN_SHORT}."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="A private key; without it a new one is made."),
    ] = None,
    seal: Annotated[
        Path | None,
        typer.Option("--seal", metavar="FILE", help="32 octets or more that seal registration and tokens."),
    ] = None,
    ca: CaOption = None,
) -> None:
    """Register a client (RFC 7591), with private_key_jwt. Then `fapikit login` works in that folder.

    The registration with its access token goes to a file of mode 0600, and its secrets are never shown.
    """
    import shlex

    from fapikit_cli.client_file import read_client_file
    from fapikit_cli.picked_up import files_outside
    from fapikit_cli.printing import say, shown
    from fapikit_cli.registering import Wanted, register_client

    wanted = Wanted(
        issuer=issuer,
        profile=profile,
        folder=folder,
        name=name,
        scope=scope,
        api=api,
        redirect_uris=tuple(redirect_uri or ()),
        metadata=metadata,
        initial_access_token=initial_access_token,
        key=key,
        seal=seal,
        ca=ca,
    )
    file, registration = register_client(wanted)
    say(f"{shown(registration.client_id)} is registered at {issuer}", style="good")
    for member in ("scope", "grant_types", "redirect_uris", "token_endpoint_auth_method"):
        if member in registration.metadata:
            value = registration.metadata[member]
            say(f"{member + ':':28}{' '.join(value) if isinstance(value, list) else value}")
    say(f"{'client file:':28}{file}")
    if files_outside(read_client_file(file)):
        say(f"{'next:':28}fapikit login --client {shlex.quote(str(file))}")
    else:
        say(f"{'next:':28}cd {shlex.quote(str(file.parent))} && fapikit login")
