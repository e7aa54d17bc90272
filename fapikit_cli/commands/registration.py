"""`fapikit registration`: reads, changes and ends the registration that `fapikit register` has made.

Spec: RFC 7592 2.1, 2.2, 2.3
Role: RP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapikit_cli.client_options import ClientOption
from fapikit_cli.failing import WrongUsage
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit import HttpSettings
    from fapikit_cli.client_file import ClientFile
    from fapikit_cli.registration_file import RegistrationFile
    from rpkit import Registration

app = new_app("Read, change and end the registration that `fapikit register` has made.")


@app.command()
def show(client: ClientOption = None) -> None:
    """Show what is registered at the server now. The token that manages it may be another from now on: it is kept."""
    from fapikit_cli.printing import show_json
    from rpkit import Client

    with _managed(client) as (_, kept, http):
        now = _keeping(kept, lambda before: Client.read_registration(before, http=http))
    show_json(_members(now))


@app.command()
def update(
    changes: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON with the members to change; null removes one.")
    ],
    client: ClientOption = None,
) -> None:
    """Change some members of the registration. All others stay as the server has them."""
    from fapikit import strict_json
    from fapikit_cli.printing import show_json
    from rpkit import Client

    try:
        changed = strict_json.parse_object(changes.read_bytes())
    except ValueError as error:
        raise WrongUsage(f"{changes} is no JSON object: {error}", "correct the file") from error
    with _managed(client) as (file, kept, http):
        now = _keeping(kept, lambda before: Client.read_registration(before, http=http))
        asked = {name: value for name, value in {**now.metadata, **changed}.items() if value is not None}
        now = _keeping(
            kept,
            lambda before: Client.update_registration(before, asked, profile=file.profile, http=http),
        )
    show_json(_members(now))


@app.command()
def delete(
    client: ClientOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, end it.")] = False,
) -> None:
    """End the registration. The client, its tokens and its grants end with it, and its file here is deleted."""
    from fapikit_cli.printing import say
    from rpkit import Client

    with _managed(client) as (file, kept, http):
        registration = kept.require()
        if not yes:
            raise WrongUsage(
                f"this ends the client {registration.client_id} at {file.issuer}, its tokens and its grants",
                "add --yes if that is meant",
            )
        Client.delete_registration(registration, http=http)
        kept.path.unlink()
    say(f"The client is no longer registered at {file.issuer}, and {kept.path} is deleted.", style="good")


@contextmanager
def _managed(client: Path | None) -> Iterator[tuple[ClientFile, RegistrationFile, HttpSettings]]:
    from fapikit_cli.connecting import http_of, seal_of
    from fapikit_cli.picked_up import client_file_of
    from fapikit_cli.registration_file import RegistrationFile

    file = client_file_of(client)
    yield file, RegistrationFile(file.registration_file, seal_of(file)), http_of(file)


def _keeping(kept: RegistrationFile, call: Callable[[Registration], Registration]) -> Registration:
    """The registration after a call. It is on the disk, also if the answer is refused."""
    from fapikit.errors import FapiError
    from rpkit import Registration

    before = kept.require()
    try:
        now = call(before).over(before)
    except FapiError as error:
        made = Registration.kept_in(error)
        if made is not None:
            kept.write(made)
        raise
    kept.write(now)
    return now


def _members(registration: Registration) -> dict[str, Any]:
    """Without secrets."""
    return {"client_id": registration.client_id, **registration.metadata}
