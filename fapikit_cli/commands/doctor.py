"""`fapikit doctor`: examines a server for a profile, row by row.

Spec: FAPI2-SP 5.1.2
Role: C
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fapikit_cli.failing import WrongUsage
from fapikit_cli.options import CaOption, IssuerArgument, JsonOption, KeyOption, ProfileOption
from fapikit_cli.printing import say, show_json, show_table
from fapikit_cli.secret_input import SOURCES
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit import TlsClientCertificate
    from fapikit_cli.doctor.registration import Client
    from fapikit_cli.doctor.row import Report, Row

app = new_app()
_AREAS = {
    "tls": "TLS of",
    "certificate": "Certificate of",
    "clock": "Clock",
    "metadata": "Metadata",
    "profile": "Metadata for the profile",
    "keys": "Key set",
    "answers": "Answers",
    "client": "Client",
    "registration": "Registration",
}
_STYLES = {"holds": "good", "warns": "doubt", "undecided": "doubt", "fails": "bad"}


@app.command()
def doctor(
    issuer: IssuerArgument,
    profile: ProfileOption = "fapi2-security",
    ca: CaOption = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A client whose sign-in is tried.")
    ] = None,
    key: KeyOption = None,
    cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The client's certificate, PEM. With --key it signs in by mutual TLS."
        ),
    ] = None,
    registration_uri: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the client's registration is read (RFC 7592).")
    ] = None,
    registration_token: Annotated[
        str | None, typer.Option(metavar="SOURCE", help=f"The registration access token: {SOURCES}.")
    ] = None,
    failures: Annotated[bool, typer.Option("--failures", help="Show only what does not hold.")] = False,
    json: JsonOption = False,
) -> None:
    """Examine a server for a profile: TLS, certificate, clock, metadata, keys, answers, and a client's registration.

    It makes handshakes and empty requests, and changes nothing at the server. It ends with 0 if all holds (warnings do
    not count), with 1 if something fails, and with 3 if something could not be seen and nothing fails.
    """
    from fapikit import profile_of
    from fapikit_cli.doctor.examination import examine

    certificate = _certificate(cert, key)
    client = _client(client_id, key, registration_uri, registration_token, certificate)
    report = examine(issuer, profile_of(profile), ca=ca, client=client, client_certificate=certificate)
    if json:
        show_json(report.as_json())
    else:
        _show(report, only_failures=failures)
    raise typer.Exit(report.exit_status)


def _certificate(cert: Path | None, key: str | None) -> TlsClientCertificate | None:
    from fapikit import TlsClientCertificate
    from fapikit_cli.key_files import read_private_key

    if cert is None:
        return None
    if key is None:
        raise WrongUsage("--cert is given without its private key", "add --key SOURCE")
    return TlsClientCertificate.from_pem(cert.read_bytes(), read_private_key(key).to_pem())


def _client(
    client_id: str | None,
    key: str | None,
    registration_uri: str | None,
    registration_token: str | None,
    certificate: TlsClientCertificate | None,
) -> Client:
    from fapikit import PrivateKeyJWT, TlsClientAuth
    from fapikit_cli.doctor.registration import Client
    from fapikit_cli.key_files import read_private_key
    from fapikit_cli.secret_input import read_token

    for given, needed, one, other in (
        (client_id, key, "--client-id", "--key"),
        (key, client_id, "--key", "--client-id"),
        (registration_uri, registration_token, "--registration-uri", "--registration-token"),
        (registration_token, registration_uri, "--registration-token", "--registration-uri"),
    ):
        if given is not None and needed is None:
            raise WrongUsage(f"{one} is given without {other}", f"add {other}, or leave {one} out")
    auth = None
    if key is not None:
        auth = TlsClientAuth() if certificate is not None else PrivateKeyJWT(read_private_key(key))
    token = (
        None
        if registration_token is None
        else read_token(registration_token, "the registration access token")
    )
    return Client(client_id, auth, registration_uri, token)


def _show(report: Report, *, only_failures: bool) -> None:
    """A table for each area that was looked at."""
    say(f"{report.issuer} for {report.profile}", style="strong")
    rows = [row for row in report.rows if not (only_failures and row.verdict == "holds")]
    for area, group in groupby(rows, key=_area):
        say()
        found = list(group)
        show_table(
            ("verdict", "clause", "rule", "found"),
            [(row.verdict, row.clause, row.requirement, _found(row)) for row in found],
            title=area,
            styles=[_STYLES[row.verdict] for row in found],
        )
    say()
    counts = report.as_json()["counts"]
    say(", ".join(f"{number} {verdict}" for verdict, number in counts.items()), style=_STYLES[report.verdict])


def _area(row: Row) -> str:
    area = row.rule.partition(".")[0]
    return f"{_AREAS[area]} {row.about}" if area in ("tls", "certificate", "keys") else _AREAS[area]


def _found(row: Row) -> str:
    where = f"{row.about}: " if row.rule.partition(".")[0] in ("metadata", "answers") else ""
    return where + row.found + (f"\nwhat to do: {row.what_to_do}" if row.what_to_do else "")
