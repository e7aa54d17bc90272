"""`fapikit revoke`: ends the grant at the server, and deletes the kept tokens.

Spec: RFC 7009 2.1
Role: RP
"""

from __future__ import annotations

from fapikit_cli.client_options import ClientOption, RecordOption, TokensOption
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def revoke(client: ClientOption = None, tokens: TokensOption = None, record: RecordOption = None) -> None:
    """Revoke the kept tokens at the server. If it took that, delete their file."""
    from fapikit_cli.client_file import find_client_file, read_client_file
    from fapikit_cli.connecting import connected, tokens_of
    from fapikit_cli.printing import say

    file = read_client_file(find_client_file(client))
    kept = tokens_of(file, tokens)
    held = kept.require()
    with connected(file, kept, record) as rp:
        rp.revoke(held)
    say(f"The tokens are revoked at {file.issuer}, and {kept.path} is deleted.", style="good")
