"""`fapikit token`: refreshes, fetches, exchanges and hands on access tokens.

Spec: RFC 6749 4.4, 6; RFC 8693 2; RFC 8707 2
Role: RP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapikit_cli.client_options import (
    ClientOption,
    DetailsOption,
    KeepOption,
    ReceivedOption,
    RecordOption,
    ResourceOption,
    ScopeOption,
    ShowTokensOption,
    TokensOption,
)
from fapikit_cli.options import JsonOption
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit_cli.acting import Acting
    from rpkit import TokenSet

app = new_app("Refresh, fetch, exchange and print access tokens.")


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

    from fapikit_cli.acting import Acting

    acting = Acting.by(client, tokens)
    held = acting.tokens.require()
    wanted = resource or (acting.file.api if held.has(acting.file.api) else None)
    token = held.find(wanted)
    if token is None or not token.fresh(time.time()):
        with acting.connected(record) as rp:
            held = rp.refresh(held, resource=wanted)
            acting.tokens.write(held)
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
    from fapikit_cli.acting import Acting

    acting = Acting.by(client, tokens)
    acting.tokens.require_place()
    held = acting.tokens.require()
    with acting.connected(record) as rp:
        held = rp.refresh(held, resource=resource, scope=scope)
        acting.tokens.write(held)
    _tell(held, acting, resource or acting.file.api, as_json=as_json)


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
    from fapikit_cli.acting import Acting
    from fapikit_cli.details_file import read_details

    acting = Acting.by(client)
    kept = None if keep is None else acting.keeping_in(keep)
    api = resource or acting.file.api
    with acting.connected(record) as rp:
        got = rp.client_credentials(scope=scope, resource=api, authorization_details=read_details(details))
    _hand_over(got, kept, api, show_tokens=show_tokens, as_json=as_json)


@app.command()
def exchange(
    client: ClientOption = None,
    record: RecordOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    received: ReceivedOption = None,
    tokens: TokensOption = None,
    keep: KeepOption = None,
    show_tokens: ShowTokensOption = False,
    as_json: JsonOption = False,
) -> None:
    """Exchange a token for another one: for less, or for another API (RFC 8693).

    Without --received it is the token of the last login.
    """
    from fapikit_cli.acting import Acting
    from fapikit_cli.secret_input import read_token

    acting = Acting.by(client, tokens)
    kept = None if keep is None else acting.keeping_in(keep)
    api = resource or acting.file.api
    asked: dict[str, Any] = {"scope": scope, "resource": api}
    asked = {name: value for name, value in asked.items() if value is not None}
    held: Any = acting.tokens.require() if received is None else read_token(received, "the received token")
    with acting.connected(record) as rp:
        got = rp.exchange(held, **asked)
    _hand_over(got, kept, api, show_tokens=show_tokens, as_json=as_json)


def _hand_over(
    got: TokenSet, kept: Acting | None, api: str | None, *, show_tokens: bool, as_json: bool
) -> None:
    """Keep a token that is not that of a login; or print it, if that is allowed."""
    from fapikit_cli.printing import tell
    from fapikit_cli.telling import may_show_secrets

    if kept is not None:
        kept.tokens.write(got)
        _tell(got, kept, api, as_json=as_json)
    elif not as_json and may_show_secrets(show_tokens):
        _print(got, None, show_tokens=show_tokens)
    else:
        _tell(got, None, api, as_json=as_json)
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


def _tell(held: TokenSet, kept: Acting | None, api: str | None, *, as_json: bool) -> None:
    """`kept`: whose tokens they are now, if they are kept."""
    from fapikit_cli.printing import show_json
    from fapikit_cli.telling import tell_kept, tell_tokens, tokens_as_json

    if as_json:
        show_json(tokens_as_json(held, None if kept is None else kept.tokens.path))
        return
    tell_tokens(held)
    if kept is not None:
        tell_kept(kept, api)
