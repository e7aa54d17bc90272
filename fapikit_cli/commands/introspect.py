"""`fapikit introspect`: asks the server what it knows of a token.

Spec: RFC 7662 2; RFC 9701 5
Role: RP
"""

from __future__ import annotations

from typing import Any

import typer

from fapikit_cli.client_options import (
    ClientOption,
    OtherTokenOption,
    RecordOption,
    ResourceOption,
    TokensOption,
)
from fapikit_cli.options import JsonOption
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def introspect(
    client: ClientOption = None,
    resource: ResourceOption = None,
    token: OtherTokenOption = None,
    tokens: TokensOption = None,
    record: RecordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the server whether a token is active, and what is in it. The exit status is 1 if it is not active."""
    from fapikit_cli.acting import Acting
    from fapikit_cli.exit_status import ExitStatus
    from fapikit_cli.printing import say, show_json, show_table
    from fapikit_cli.secret_input import read_token

    acting = Acting.by(client, tokens)
    asked: Any = acting.tokens.require() if token is None else read_token(token, "the token")
    with acting.connected(record) as rp:
        answer = rp.introspect(asked, resource=resource)
    claims = {name: _whole(value) for name, value in answer.claims.items()}
    if as_json:
        show_json({**claims, "active": answer.active})
    elif answer.active:
        show_table(["claim", "value"], [(name, _shown(name, value)) for name, value in claims.items()])
    else:
        say("not active: it has expired, was revoked, or this server never issued it", style="bad")
    raise typer.Exit(ExitStatus.GOOD if answer.active else ExitStatus.REFUSED)


def _whole(value: Any) -> Any:
    """A time as servers write it: whole seconds."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(name: str, value: Any) -> str:
    """The value; a time also in words."""
    import json
    from datetime import UTC, datetime

    if name in ("exp", "iat", "nbf", "auth_time") and isinstance(value, int | float):
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
