"""`fapikit token`: refreshes, fetches, exchanges and hands on access tokens.

Spec: RFC 6749 4.4, 6; RFC 8693 2; RFC 8707 2
Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapikit_cli.client_options import (
    ClientOption,
    DetailsOption,
    RecordOption,
    ResourceOption,
    ScopeOption,
    ShowTokensOption,
    TokensOption,
)
from fapikit_cli.options import JsonOption
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from rpkit import TokenSet

app = new_app("Refresh, fetch, exchange and print access tokens.")

KeepOption = Annotated[
    Path | None,
    typer.Option("--keep", metavar="FILE", help="Keep the new token here, for `fapikit call --tokens FILE`."),
]


@app.command("print")
def print_token(
    client: ClientOption = None,
    record: RecordOption = None,
    resource: ResourceOption = None,
    tokens: TokensOption = None,
    show_tokens: ShowTokensOption = False,
) -> None:
    """Print the access token to a pipe, refreshed if it has expired. On a terminal only with --show-tokens.

    A token that is bound to a key is of no use without proofs: `fapikit call` makes them.
    """
    import time

    from fapikit_cli.client_file import find_client_file, read_client_file
    from fapikit_cli.connecting import connected, tokens_of

    file = read_client_file(find_client_file(client))
    kept = tokens_of(file, tokens)
    held = kept.require()
    wanted = resource or (file.api if held.has(file.api) else None)
    token = held.find(wanted)
    if token is None or not token.fresh(time.time()):
        with connected(file, kept, record) as rp:
            held = rp.refresh(held, resource=wanted)
            kept.write(held)
    _print(held, wanted, show_tokens=show_tokens)


@app.command()
def refresh(
    client: ClientOption = None,
    record: RecordOption = None,
    resource: ResourceOption = None,
    scope: ScopeOption = None,
    tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a new access token with the refresh token. With --resource it may be for another API of the grant."""
    from fapikit_cli.client_file import find_client_file, read_client_file
    from fapikit_cli.connecting import connected, tokens_of

    file = read_client_file(find_client_file(client))
    kept = tokens_of(file, tokens)
    with connected(file, kept, record) as rp:
        held = rp.refresh(kept.require(), resource=resource, scope=scope)
        kept.write(held)
    _tell(held, kept.path, as_json=as_json)


@app.command("client-credentials")
def client_credentials(
    client: ClientOption = None,
    record: RecordOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    details: DetailsOption = None,
    keep: KeepOption = None,
    show_tokens: ShowTokensOption = False,
    as_json: JsonOption = False,
) -> None:
    """Get a token of the client itself, without any user."""
    from fapikit_cli.client_file import find_client_file, read_client_file
    from fapikit_cli.connecting import connected, tokens_of
    from fapikit_cli.details_file import read_details

    file = read_client_file(find_client_file(client))
    api = resource or file.api
    with connected(file, tokens_of(file), record) as rp:
        got = rp.client_credentials(scope=scope, resource=api, authorization_details=read_details(details))
    kept = None if keep is None else tokens_of(file, keep)
    _hand_over(got, kept, show_tokens=show_tokens, as_json=as_json)


@app.command()
def exchange(
    client: ClientOption = None,
    record: RecordOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    received: Annotated[
        str | None,
        typer.Option(
            "--received", metavar="SOURCE", help="A token that an API received: FILE, -, env:NAME or ask."
        ),
    ] = None,
    tokens: TokensOption = None,
    keep: KeepOption = None,
    show_tokens: ShowTokensOption = False,
    as_json: JsonOption = False,
) -> None:
    """Exchange a token for another one: for less, or for another API (RFC 8693).

    Without --received it is the token of the last login.
    """
    from fapikit_cli.client_file import find_client_file, read_client_file
    from fapikit_cli.connecting import connected, tokens_of
    from fapikit_cli.secret_input import read_secret

    file = read_client_file(find_client_file(client))
    held = tokens_of(file, tokens)
    asked: dict[str, Any] = {"scope": scope, "resource": resource or file.api}
    asked = {name: value for name, value in asked.items() if value is not None}
    handed_in: Any = held.require() if received is None else read_secret(received, "the received token")
    with connected(file, held, record) as rp:
        got = rp.exchange(handed_in, **asked)
    kept = None if keep is None else tokens_of(file, keep)
    _hand_over(got, kept, show_tokens=show_tokens, as_json=as_json)


def _hand_over(got: TokenSet, kept: Any, *, show_tokens: bool, as_json: bool) -> None:
    """Keep a token that is not that of a login; or print it, if that is allowed."""
    from fapikit_cli.printing import tell
    from fapikit_cli.telling import may_show_secrets

    if kept is not None:
        kept.write(got)
        _tell(got, kept.path, as_json=as_json)
    elif not as_json and may_show_secrets(show_tokens):
        _print(got, None, show_tokens=show_tokens)
    else:
        _tell(got, None, as_json=as_json)
        tell("The token is not kept: --keep FILE keeps it, a pipe gets it, and --show-tokens writes it here.")


def _print(held: TokenSet, resource: str | None, *, show_tokens: bool) -> None:
    import sys

    from fapikit_cli.failing import WrongUsage
    from fapikit_cli.printing import tell
    from fapikit_cli.telling import may_show_secrets

    if not may_show_secrets(show_tokens):
        raise WrongUsage(
            "stdout is a terminal, where others may look at the token and where it is kept in the scroll-back",
            "pipe it to the program that needs it, or give --show-tokens",
        )
    sys.stdout.write(held.access_token_for(resource).reveal() + "\n")
    if held.dpop is not None:
        tell("This token is bound to a DPoP key. Other tools cannot use it; `fapikit call` can.")


def _tell(held: TokenSet, path: Path | None, *, as_json: bool) -> None:
    from fapikit_cli.printing import say, show_json
    from fapikit_cli.telling import tell_tokens, tokens_as_json

    if as_json:
        show_json(tokens_as_json(held, path))
        return
    tell_tokens(held)
    if path is not None:
        say(f"{'kept in:':24}{path}")
