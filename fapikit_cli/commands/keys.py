"""`fapikit keys`: makes keys, and says what of them may be published.

Spec: RFC 7517 4.7, 5, 9.2; RFC 8705 2.2; FAPI2-SP 5.4.1-1.3
Role: RP, RS, AS
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapikit_cli.failing import WrongUsage
from fapikit_cli.key_files import PRIVATE_MODE, PUBLIC_MODE, read_private_key, write_new
from fapikit_cli.printing import show_json, show_table
from fapikit_cli.secret_input import SOURCES
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from fapikit import PrivateKey

app = new_app("Make keys: JWK, JWK Set, PEM, self-signed certificate.")


class Alg(StrEnum):
    """The signature algorithms of the FAPI profiles."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"


@app.command()
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="How the files are called, with a folder if you want; - writes the private JWK to stdout.",
        ),
    ],
    alg: Annotated[Alg, typer.Option(help="The signature algorithm.")] = Alg.ES256,
    kid: Annotated[
        str | None, typer.Option(metavar="KID", help="The key's name. By default its thumbprint (RFC 7638).")
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Make a self-signed certificate for mutual TLS too, for this common name."
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(metavar="DAYS", min=1, max=3650, help="How long the certificate is valid.")
    ] = 365,
    pem: Annotated[bool, typer.Option("--pem", help="Write the private key as PEM too.")] = False,
    show_private: Annotated[
        bool, typer.Option("--show-private", help="Allow a private key to be written to a terminal.")
    ] = False,
) -> None:
    """Make a key for signatures, and write it to files.

    NAME.private.json is the private JWK: keep it. NAME.public.json is the public JWK, and NAME.jwks.json a JWK Set with
    it: give one of them to the other side. With --certificate NAME.cert.pem and NAME.key.pem are for TLS, and the
    public JWK has the certificate as x5c.
    """
    from fapikit import PrivateKey

    if name == "-" and sys.stdout.isatty() and not show_private:
        raise WrongUsage(
            "stdout is a terminal, and the private key would stay on the screen",
            "pipe it to where it is kept, or say --show-private",
        )
    if name == "-" and (pem or certificate is not None):
        raise WrongUsage("only the private JWK can be written to stdout", "give a name for the files")
    key = PrivateKey.generate(alg.value, kid=kid)
    if name == "-":
        show_json(key.to_private_jwk())
        return
    files = _files(Path(name), key, certificate, days, pem=pem)
    write_new({path: (text, mode) for path, (text, mode, _) in files.items()})
    show_table(
        ("file", "mode", "what it is"),
        [(path, f"{mode:04o}", purpose) for path, (_, mode, purpose) in files.items()],
        title=f"{alg.value} key {key.kid}",
    )


@app.command()
def public(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=f"The private key, JWK or PEM: {SOURCES}.")],
    jwks: Annotated[bool, typer.Option("--jwks", help="As a JWK Set.")] = False,
) -> None:
    """Print the public JWK of a private key."""
    jwk = dict(read_private_key(source).public_jwk)
    show_json({"keys": [jwk]} if jwks else jwk)


def _files(
    stem: Path, key: PrivateKey, certificate: str | None, days: int, *, pem: bool
) -> dict[Path, tuple[str, int, str]]:
    """Path: text, mode, and what it is."""
    jwk = dict(key.public_jwk)
    texts: dict[str, tuple[str, int, str]] = {
        "private.json": (_json(key.to_private_jwk()), PRIVATE_MODE, "private JWK: keep it")
    }
    if pem or certificate is not None:
        texts["key.pem"] = (
            key.to_pem().decode("ascii"),
            PRIVATE_MODE,
            "the same private key as PEM: keep it",
        )
    if certificate is not None:
        from fapikit.jose.x5c import certificate_jwk
        from fapikit_cli.certificates import self_signed

        made, signed = self_signed(key, certificate, days=days)
        texts["cert.pem"] = (signed, PUBLIC_MODE, f"self-signed certificate, {days} days")
        jwk = {**certificate_jwk([made]), **jwk}
    texts["public.json"] = (_json(jwk), PUBLIC_MODE, "public JWK" + (" with x5c" if "x5c" in jwk else ""))
    texts["jwks.json"] = (_json({"keys": [jwk]}), PUBLIC_MODE, "JWK Set to register or to publish")
    return {stem.with_name(f"{stem.name}.{end}"): file for end, file in texts.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
