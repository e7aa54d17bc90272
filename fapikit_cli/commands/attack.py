"""`fapikit attack`: sends the published attacks to a server or an API of yours, and names those that got through.

Spec: FAPI2-SP 5.3.2, 5.3.4
Role: AS, RS
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fapikit_cli.client_options import ClientOption, ScopeOption
from fapikit_cli.options import CaOption, JsonOption
from fapikit_cli.secret_input import IN_SHORT
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def attack(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The issuer of a server, or the URL of an API's route.")
    ],
    *,
    target: Annotated[
        Literal["auto", "server", "api"],
        typer.Option(
            "--as", help="What the URL is. auto: a server if it publishes the metadata of one, else an API."
        ),
    ] = "auto",
    client: ClientOption = None,
    other: Annotated[
        Path | None,
        typer.Option(
            "--other-client", metavar="FILE", help="A second client file: what one may do with another's."
        ),
    ] = None,
    user: Annotated[
        str,
        typer.Option("--user", metavar="NAME", help="The test user: signs in at a server, is sub at an API."),
    ] = "alice",
    password: Annotated[
        str, typer.Option("--password", metavar="SOURCE", help=f"Of the test user: {IN_SHORT}.")
    ] = "ask",
    issuer_key: Annotated[
        Path | None,
        typer.Option(
            "--issuer-key", metavar="FILE", help="For an API: a private key that it trusts, JWK Set or PEM."
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="METHOD", help="For an API: of the honest request.")
    ] = "GET",
    scope: ScopeOption = None,
    acr: Annotated[
        str | None, typer.Option("--acr", metavar="LEVEL", help="For an API: what the route needs.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="HOST",
            help="Attack this host without asking. Once for each host to which the metadata lead. Loopback needs no"
            " permission.",
        ),
    ] = None,
    ca: CaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Attack a server or an API of yours: each published attack is an honest request with one change.

    Exit status: 0 all were refused, 1 there is a hole, 3 the honest request did not pass, so nothing is shown.
    """
    from fapikit_cli import attacking
    from fapikit_cli.client_file import read_client_file
    from fapikit_cli.exit_status import ExitStatus
    from fapikit_cli.picked_up import client_file_of
    from fapikit_cli.printing import tell

    allowed = tuple(allow or ())
    attacking.require_permission(url, allowed)
    file = client_file_of(client)
    authority = ca or file.ca
    try:
        if target == "server" or (target == "auto" and attacking.is_server(url, authority, allowed)):
            second = None if other is None else read_client_file(other)
            plan = attacking.ServerPlan(url, file, second, user, password, scope, authority, allowed)
            report = attacking.attack_server(plan)
        else:
            report = attacking.attack_api(
                attacking.ApiPlan(url, file, issuer_key, method, user, scope, acr, authority, allowed)
            )
    except attacking.NothingShown as error:
        tell(f"Nothing is shown: {error}", style="bad")
        raise typer.Exit(ExitStatus.UNDECIDED) from error
    raise typer.Exit(attacking.show(report, as_json=as_json))
