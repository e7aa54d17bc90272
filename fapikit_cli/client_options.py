"""The options of the commands that act as a client.

Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from fapikit_cli.client_file import CLIENT_FILE, FROM_ENVIRONMENT

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
