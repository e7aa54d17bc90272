"""`fapikit logout`: revokes the tokens, and signs the user out at the server too.

Spec: RFC 7009 2.1; OIDC RP-Initiated Logout 1.0, sections 2
Role: RP
"""

from __future__ import annotations

from fapikit_cli.client_options import ClientOption, TokensOption
from fapikit_cli.typer_app import new_app

app = new_app()


@app.command()
def logout(client: ClientOption = None, tokens: TokensOption = None) -> None:
    """Revoke the kept tokens, and open the page of the server where the browser signs out.

    The server asks the user there, because this command keeps no ID token.
    """
    from fapikit.io.browser import SystemBrowser
    from fapikit_cli.acting import Acting
    from fapikit_cli.printing import say

    acting = Acting.by(client, tokens)
    held = acting.tokens.read()
    browser = SystemBrowser()
    with acting.connected() as rp:
        if held is not None:
            rp.revoke(held)
            say(
                f"The tokens are revoked at {acting.file.issuer}, and {acting.tokens.path} is deleted.",
                style="good",
            )
        page = rp.begin_logout().url
    if browser.available and browser.open(page):
        say(f"Your browser opens {acting.file.issuer}. Sign out there.")
    else:
        say(f"To sign your browser out there too, open {page}")
