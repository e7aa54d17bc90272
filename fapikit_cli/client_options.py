"""The options of the commands that act as a client.

Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from fapikit_cli.client_file import CLIENT_FILE, FROM_ENVIRONMENT
from fapikit_cli.secret_input import IN_SHORT

ClientOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--client",
        metavar="FILE",
        help=f"Who this client is. Without it: the file that {FROM_ENVIRONMENT} names, or {CLIENT_FILE} here.",
    ),
]
TokensOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tokens", metavar="FILE", help="Where the tokens are kept, if not where the client file says."
    ),
]
ScopeOption: TypeAlias = Annotated[
    str | None, typer.Option("--scope", metavar="WORDS", help="What to ask for, such as 'openid accounts'.")
]
DetailsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--details", metavar="FILE", help="JSON with authorization details (RFC 9396): one, or a list."
    ),
]
ResourceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--resource", metavar="URL", help="The API that the token is for. Without it: api of the client file."
    ),
]
AcrOption: TypeAlias = Annotated[
    str | None, typer.Option("--acr", metavar="LEVELS", help="How the user must sign in: acr values.")
]
MaxAgeOption: TypeAlias = Annotated[
    int | None, typer.Option("--max-age", metavar="SECONDS", min=0, help="How old the sign-in may be.")
]
BindOption: TypeAlias = Annotated[
    Literal["dpop", "mtls"] | None,
    typer.Option("--bind", help="What tokens are bound to, instead of what the client file says."),
]
ReceivedOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--received", metavar="SOURCE", help=f"A token that an API received: {IN_SHORT}."),
]
OtherTokenOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--token", metavar="SOURCE", help=f"Another token than the kept one: {IN_SHORT}."),
]
KeepOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--keep", metavar="FILE", help="Keep the new token here, for `fapikit call --tokens FILE`."),
]
RecordOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--record", metavar="FILE", help="Record the messages, secrets masked, for `fapikit watch FILE`."
    ),
]
ShowTokensOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--show-tokens", help="Write tokens to the terminal. Whoever sees them may use some of them."
    ),
]
