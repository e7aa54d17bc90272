"""`fapikit login`: signs the user of this machine in, in the browser or by a code, and keeps the tokens.

Spec: RFC 8252 5; RFC 8628 3.3; RFC 9396 2; RFC 9470 4
Role: RP
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapikit_cli.client_options import (
    AcrOption,
    BindOption,
    ClientOption,
    DetailsOption,
    MaxAgeOption,
    RecordOption,
    ResourceOption,
    ScopeOption,
    ShowTokensOption,
    TokensOption,
)
from fapikit_cli.options import JsonOption, OtherProfileOption
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit_cli.client_file import ClientFile
    from rpkit import Client, DeviceAuthorization, Login

app = new_app()


@app.command()
def login(
    *,
    client: ClientOption = None,
    scope: ScopeOption = None,
    resource: ResourceOption = None,
    details: DetailsOption = None,
    acr: AcrOption = None,
    max_age: MaxAgeOption = None,
    device: Annotated[
        bool, typer.Option("--device", help="Show a code for another device, and open no browser here.")
    ] = False,
    profile: OtherProfileOption = None,
    bind: BindOption = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait for the browser.")
    ] = 300,
    tokens: TokensOption = None,
    record: RecordOption = None,
    show_tokens: ShowTokensOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in, and keep the tokens. Without a browser it shows a code for your phone.

    Every check of the login is shown with its clause. The tokens go to a file of mode 0600, and not to the terminal.
    """
    from fapikit_cli.acting import Acting
    from fapikit_cli.details_file import read_details
    from fapikit_cli.printing import say, show_json
    from fapikit_cli.telling import login_as_json, tell_kept, tell_report, tell_tokens

    acting = Acting.by(client, tokens)
    acting.tokens.require_place()
    file = acting.file
    file = replace(file, profile=profile or file.profile, sender_constraint=bind or file.sender_constraint)
    acting = replace(acting, file=file)
    asked: dict[str, Any] = {"scope": scope or file.scope, "authorization_details": read_details(details)}
    if (api := resource or file.api) is not None:
        asked["resources"] = [api]
    if acr is not None:
        asked["acr_values"] = acr.split()
    if max_age is not None:
        asked["max_age"] = max_age
    with acting.connected(record) as rp:
        done = _by_device(rp, asked) if device else _in_browser(rp, file, asked, timeout)
        acting.tokens.write(done.tokens)
    if as_json:
        show_json({**login_as_json(done, acting.tokens.path), **(_secrets(done) if show_tokens else {})})
        return
    tell_report(done.report)
    who = "the user" if done.id_token is None else done.id_token.subject
    say(f"\n{who} has signed in at {rp.issuer}", style="good")
    tell_tokens(done.tokens)
    if show_tokens:
        for name, value in _secrets(done).items():
            say(f"{name + ':':24}{value}")
    tell_kept(acting, api)


def _in_browser(rp: Client, file: ClientFile, asked: dict[str, Any], timeout: float) -> Login:
    from fapikit.io.browser import SystemBrowser
    from fapikit_cli.printing import tell
    from rpkit.native import sign_in

    browser = SystemBrowser()

    def open_browser(url: str) -> bool:
        tell(f"Your browser opens {rp.issuer}. Sign in there. This command waits.")
        return browser.open(url)

    return sign_in(
        rp,
        open_browser=open_browser if browser.available else None,
        show_code=show_code,
        timeout=timeout,
        path=file.redirect_path,
        port=file.redirect_port,
        **asked,
    )


def _by_device(rp: Client, asked: dict[str, Any]) -> Login:
    started = rp.device(**asked)
    show_code(started)
    return rp.wait(started, resource=next(iter(asked.get("resources", ())), None))


def show_code(device: DeviceAuthorization) -> None:
    """The address, the code, and a QR code of the two. It is for a person, so it goes to stderr."""
    import sys

    from fapikit_cli.printing import tell

    tell(f"\nOpen {device.verification_uri} on a device with a browser, and enter the code\n")
    tell(f"    {device.user_code}\n", style="strong")
    if sys.stderr.isatty():
        sys.stderr.write(f"{device.qr_text()}\n")
    tell("Compare the code there with this one. This command waits.")


def _secrets(done: Login) -> dict[str, Any]:
    own = done.tokens
    refresh = {} if own.refresh_token is None else {"refresh_token": own.refresh_token.reveal()}
    return {"access_token": own.access_tokens[0].value.reveal(), **refresh}
