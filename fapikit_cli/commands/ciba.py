"""`fapikit ciba`: asks a user on the user's own phone, and waits for the answer.

Spec: CIBA 7.1, 10.1
Role: RP
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fapikit_cli.client_options import (
    AcrOption,
    ClientOption,
    DetailsOption,
    RecordOption,
    ResourceOption,
    ScopeOption,
    TokensOption,
)
from fapikit_cli.options import JsonOption
from fapikit_cli.secret_input import IN_SHORT
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def ciba(
    hint: Annotated[
        str | None,
        typer.Option("--hint", metavar="USER", help="Who is asked: a login hint. Asked for if left out."),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(
            "--message", metavar="TEXT", help="The binding message. Without it: a short random one."
        ),
    ] = None,
    user_code: Annotated[
        str | None,
        typer.Option("--user-code", metavar="SOURCE", help=f"The code of the user: {IN_SHORT}."),
    ] = None,
    client: ClientOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    details: DetailsOption = None,
    acr: AcrOption = None,
    tokens: TokensOption = None,
    record: RecordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a user by CIBA, wait for the decision on the phone, and keep the tokens."""
    from fapikit import Secret
    from fapikit_cli.acting import Acting
    from fapikit_cli.details_file import read_details
    from fapikit_cli.printing import say, show_json, tell
    from fapikit_cli.secret_input import read_secret
    from fapikit_cli.telling import login_as_json, tell_kept, tell_report, tell_tokens
    from rpkit import binding_message

    acting = Acting.by(client, tokens)
    acting.tokens.require_place()
    api = resource or acting.file.api
    asked: dict[str, Any] = {
        "scope": scope or acting.file.scope,
        "login_hint": hint or _asked_for(),
        "binding_message": message or binding_message(),
        "authorization_details": read_details(details),
        "resources": [] if api is None else [api],
    }
    if acr is not None:
        asked["acr_values"] = acr.split()
    if user_code is not None:
        asked["user_code"] = Secret(read_secret(user_code, "the user code").reveal())
    with acting.connected(record) as rp:
        pending = rp.ciba(**asked)
        tell(f"{asked['login_hint']} is asked at {rp.issuer}. On the phone there must be this message:\n")
        tell(f"    {asked['binding_message']}\n", style="strong")
        tell("This command waits for the decision.")
        done = rp.wait(pending, resource=api)
        acting.tokens.write(done.tokens)
    if as_json:
        show_json(login_as_json(done, acting.tokens.path))
        return
    tell_report(done.report)
    say(f"\n{'the user' if done.id_token is None else done.id_token.subject} has agreed", style="good")
    tell_tokens(done.tokens)
    tell_kept(acting, api)


def _asked_for() -> str:
    import sys

    from fapikit_cli.failing import WrongUsage

    if not sys.stdin.isatty():
        raise WrongUsage("nobody is named, and stdin is no terminal to ask at", "give --hint USER")
    hint: str = typer.prompt("Who is asked (login hint)", err=True)
    return hint
