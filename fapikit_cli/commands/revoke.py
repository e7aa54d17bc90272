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
    from fapikit_cli.acting import Acting
    from fapikit_cli.printing import say

    acting = Acting.by(client, tokens)
    held = acting.tokens.require()
    with acting.connected(record) as rp:
        rp.revoke(held)
    say(f"The tokens are revoked at {acting.file.issuer}, and {acting.tokens.path} is deleted.", style="good")
