"""`fapikit askit`: a bank with an API, without any configuration.

Role: AS, RS
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fapikit_cli.options import JsonOption, ProfileOption
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit_cli.bank.folder import BankFolder

app = new_app()


@app.command()
def askit(
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="FOLDER", help="Make the bank in this folder, or start the one that is there."
        ),
    ] = None,
    profile: ProfileOption = "fapi2-security",
    mtls: Annotated[
        bool,
        typer.Option("--mtls", help="Bind tokens to the certificate of the client, instead of DPoP keys."),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="NUMBER", help="Of the bank. 0: any free one.")
    ] = 9443,
    api_port: Annotated[
        int, typer.Option("--api-port", metavar="NUMBER", help="Of the API. 0: any free one.")
    ] = 9444,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="FILE", help="Record what bank and API receive, for `fapikit watch FILE`."
        ),
    ] = None,
    no_api: Annotated[
        bool,
        typer.Option("--no-api", help="Start the bank alone: an API of your own takes the place of its API."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a bank with one user, one client and one API on this machine. It needs no configuration.

    It makes keys and certificates, and prints everything that a client needs, and the next commands to type.
    Without --keep all of it goes when it ends. It is for tests: never show it to the internet.
    """
    import shutil
    import tempfile
    from contextlib import nullcontext

    from fapikit_cli.bank.folder import make_bank, open_bank
    from fapikit_cli.bank.serve import listening, port_of, serve
    from fapikit_cli.exit_status import ExitStatus
    from fapikit_cli.printing import tell

    temporary = None if keep else Path(tempfile.mkdtemp(prefix="fapikit-bank-"))
    folder = (keep or temporary or Path()).absolute()
    try:
        bank = open_bank(folder)
        if bank is not None:
            port, api_port = port_of(bank.issuer), port_of(bank.api)
            tell(
                f"The bank in {folder} starts again, with the profile, binding and ports that it was made with."
            )
        # With --no-api an API of somebody else has the port, and may listen there already.
        theirs = nullcontext() if no_api and api_port else listening(api_port, "--api-port")
        with listening(port, "--port") as one, theirs as two:
            if bank is None:
                ports = {"port": one.getsockname()[1], "api_port": two.getsockname()[1] if two else api_port}
                bank = make_bank(folder, profile=profile, mtls=mtls, **ports)
            bank.renew_server_certificate()
            made = bank
            if two and no_api:
                two.close()
            sockets = (one, None if no_api else two)
            started = serve(made, sockets, lambda: _tell(made, as_json=as_json), record=record)
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    raise typer.Exit(ExitStatus.GOOD if started else ExitStatus.UNDECIDED)


def _tell(bank: BankFolder, *, as_json: bool) -> None:
    import json
    import os
    import sys

    from fapikit_cli.bank.folder import CLIENT_ID, PASSWORD, PIN, REDIRECT_URIS, SCOPE, USER
    from fapikit_cli.printing import say

    facts = {
        "issuer": bank.issuer,
        "api": bank.api,
        "profile": bank.profile,
        "client_id": CLIENT_ID,
        "client_file": str(bank.client_file),
        "key_file": str(bank.path / "client.key"),
        "ca_file": str(bank.ca),
        "redirect_uris": list(REDIRECT_URIS),
        "scope": SCOPE,
        "user": USER,
        "password": PASSWORD,
        "pin": PIN,
        "issuer_key_file": str(bank.issuer_keys),
        "initial_access_token_file": str(bank.initial_access_token),
        "pid": os.getpid(),
    }
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
    else:
        for name, value in facts.items():
            if name != "pid":
                shown = "\n".ljust(29).join(value) if isinstance(value, list) else value
                say(f"{name.replace('_', ' ') + ':':28}{shown}")
        say("\nIn another terminal:\n", style="strong")
        say(f"    cd {bank.path}")
        say(f"    fapikit login                # sign in as {USER}, password {PASSWORD}")
        say("    fapikit call /accounts")
        say("\nCtrl-C ends the bank.")
    sys.stdout.flush()
