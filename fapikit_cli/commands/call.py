"""`fapikit call`: one request to an API with the token, its proof, its nonce and the certificate, like curl.

Spec: FAPI2-SP 5.3.3.1-3; RFC 9449 7.1; RFC 6750 3; RFC 9470 4
Role: RP
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fapikit_cli.client_options import ClientOption, RecordOption, ResourceOption, TokensOption
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def call(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[METHOD] URL", help="A URL, or a path below api of the client file."),
    ],
    header: Annotated[
        list[str] | None,
        typer.Option("-H", "--header", metavar="LINE", help="A header, such as 'accept: text/csv'."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("-d", "--data", metavar="DATA", help="The body; @FILE reads it, @- from stdin."),
    ] = None,
    json_body: Annotated[
        str | None,
        typer.Option("--json", metavar="JSON", help="The same, with content-type application/json."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the body of the answer to this file."),
    ] = None,
    include: Annotated[
        bool,
        typer.Option("-i", "--include", help="Write the status and the headers of the answer before it."),
    ] = False,
    resource: ResourceOption = None,
    client: ClientOption = None,
    tokens: TokensOption = None,
    record: RecordOption = None,
) -> None:
    """Call an API, with the token of the last login. Refreshes the token where that helps.

    What the API refuses is explained on stderr, with the next command. The exit status is 0 below 400, 1 for a refusal
    (4xx), 3 if the API could not answer (5xx). Without METHOD it is GET, and with a body POST.
    """
    from fapikit_cli.api_call import Asked, make_call

    method, url = _method_and_url(words, has_body=not (data is None and json_body is None))
    asked = Asked(method, url, tuple(header or ()), data, json_body, resource)
    raise typer.Exit(make_call(asked, client, tokens, record, output=output, include=include))


def _method_and_url(words: list[str], *, has_body: bool) -> tuple[str, str]:
    from fapikit_cli.failing import WrongUsage

    if len(words) == 1:
        return ("POST" if has_body else "GET"), words[0]
    if len(words) != 2 or not words[0].isalpha():
        raise WrongUsage(f"{' '.join(words)} is no request", "write  fapikit call [METHOD] URL")
    return words[0].upper(), words[1]
