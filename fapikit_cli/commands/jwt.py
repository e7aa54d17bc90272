"""`fapikit jwt`: shows what is in a JWT, and checks it rule by rule.

Spec: RFC 7515 5.2; RFC 7519 7.2
Role: RP, RS, AS
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fapikit_cli.failing import WrongUsage
from fapikit_cli.options import CaOption, JsonOption, ProfileOption
from fapikit_cli.printing import say, show_json, show_table
from fapikit_cli.secret_input import SOURCES
from fapikit_cli.typer_app import new_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fapikit.jose.purposes import Purpose
    from fapikit.secrets import Concealed
    from fapikit_cli.jwt.decoding import Layer
    from fapikit_cli.jwt.rules import RuleRow

app = new_app("See what is in a JWT, and check it rule by rule.")


def _purposes(incomplete: str) -> list[str]:
    from fapikit_cli.jwt.purposes import PURPOSES

    return [name for name in PURPOSES if name.startswith(incomplete)]


SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help=f"The JWT: {SOURCES}; or itself, if it is of no use any more.")
]
DecryptOption = Annotated[
    str | None,
    typer.Option("--decrypt-with", metavar="SOURCE", help="The private key if it is encrypted, JWK or PEM."),
]


@app.command()
def decode(
    source: SourceArgument = "-", decrypt_with: DecryptOption = None, json: JsonOption = False
) -> None:
    """Show each member with its meaning, its clause, and times in words. Nothing is verified."""
    from fapikit_cli.jwt.decoding import decode as layers_of
    from fapikit_cli.jwt.source import read_jwt

    layers = list(layers_of(read_jwt(source), decrypt_with))
    if json:
        show_json([_layer_as_json(layer) for layer in layers])
        return
    for layer in layers:
        _show_layer(layer, time.time())
    say("Nothing was verified. fapikit jwt verify checks signature and claims.", style="doubt")


@app.command()
def verify(
    source: SourceArgument = "-",
    purpose: Annotated[
        str | None,
        typer.Option(
            metavar="PURPOSE",
            help="What it must be, such as id-token. Without it, what it looks like.",
            autocompletion=_purposes,
        ),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="ISSUER", help="Who issued it: the keys are those of its metadata.")
    ] = None,
    jwks: Annotated[
        str | None, typer.Option(metavar="FILE|URL", help="The keys: a JWK Set, or a JWK.")
    ] = None,
    iss: Annotated[
        str | None, typer.Option(metavar="ISSUER", help="The iss to expect, beside --jwks.")
    ] = None,
    audience: Annotated[
        list[str] | None, typer.Option(metavar="AUDIENCE", help="The aud to expect. It may be given again.")
    ] = None,
    nonce: Annotated[str | None, typer.Option(metavar="NONCE", help="The nonce that was sent.")] = None,
    at: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Verify for this time, since 1970.")
    ] = None,
    profile: ProfileOption = "fapi2-security",
    decrypt_with: DecryptOption = None,
    ca: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Check a JWT rule by rule, in the order of the library, and go on after a rule that it breaks.

    It ends with 0 if all that was asked holds, with 1 if a rule is broken, and with 3 if the keys cannot be fetched.
    """
    from fapikit import profile_of
    from fapikit.jose.claims import Expected
    from fapikit_cli.jwt.key_source import keys_for
    from fapikit_cli.jwt.rules import rules_of
    from fapikit_cli.jwt.source import read_jwt
    from fapikit_cli.server.caller import Caller

    rules = profile_of(profile)
    token = _unwrapped(read_jwt(source), decrypt_with)
    kind = _purpose(token, purpose)
    expected = Expected(
        issuer=iss or issuer,
        audience=tuple(audience or ()),
        now=time.time() if at is None else at,
        skew=rules.clock_skew,
    )
    with Caller(rules, ca=ca) as caller:
        keys = keys_for(token, kind, jwks=jwks, issuer=issuer, caller=caller)
        rows = rules_of(
            token,
            kind,
            keys=keys,
            algorithms=rules.signing_algorithms,
            expected=expected,
            run=caller.run,
            nonce=nonce,
        )
    _show_rules(kind, rows, json=json)


def _unwrapped(token: Concealed[str], key_source: str | None) -> Concealed[str]:
    from fapikit.jose.encryption import Decryption, decrypt_jwt, is_encrypted
    from fapikit.jose.parse import read_object
    from fapikit.secrets import Concealed
    from fapikit_cli.jwt.decoding import ANY_KIND
    from fapikit_cli.jwt.source import read_decryption_key

    if not is_encrypted(token.reveal()):
        return token
    if key_source is None:
        raise WrongUsage("the JWT is encrypted", "give --decrypt-with and the private key")
    header = read_object(token.reveal().split(".", 1)[0], ANY_KIND, "header")
    decryption = Decryption(keys=(read_decryption_key(key_source, header),))
    return Concealed(decrypt_jwt(token.reveal(), ANY_KIND, decryption))


def _purpose(token: Concealed[str], name: str | None) -> Purpose:
    from fapikit_cli.jwt.decoding import decode as layers_of
    from fapikit_cli.jwt.purposes import PURPOSES, name_of, purpose_named

    if name is not None:
        return purpose_named(name)
    layer = next(layers_of(token, None))
    found = name_of(layer.what)
    if found is None:
        raise WrongUsage(
            "nothing in this JWT says what it is for, and each kind has rules of its own",
            f"give --purpose with one of {', '.join(PURPOSES)}",
        )
    return PURPOSES[found]


def _show_layer(layer: Layer, now: float) -> None:
    from fapikit_cli.jwt.decoding import rows_of

    columns = ("member", "value", "meaning", "clause")
    inside = f" inside {layer.where}" if layer.where else ""
    show_table(columns, rows_of("jose", layer.header, now), title=f"{layer.what}{inside}: header")
    say()
    if layer.payload is not None:
        show_table(columns, rows_of("claims", layer.payload, now), title=f"{layer.what}{inside}: claims")
        say()
    for remark in layer.remarks:
        say(remark, style="bad")


def _layer_as_json(layer: Layer) -> dict[str, Any]:
    return {
        "what": layer.what,
        "inside": layer.where or None,
        "header": dict(layer.header),
        "claims": None if layer.payload is None else dict(layer.payload),
        "remarks": list(layer.remarks),
    }


def _show_rules(purpose: Purpose, rows: Sequence[RuleRow], *, json: bool) -> None:
    from fapikit_cli.exit_status import ExitStatus

    outcomes = {row.outcome.value for row in rows}
    status = ExitStatus.of_checks(failed="failed" in outcomes, undecided="undecided" in outcomes)
    verdict = status.word
    if json:
        show_json(
            {
                "purpose": purpose.name,
                "verdict": verdict,
                "rules": [
                    {
                        "rule": row.rule,
                        "outcome": str(row.outcome),
                        "clause": row.clause,
                        "detail": row.detail,
                        "error": None if row.error is None else type(row.error).__name__,
                    }
                    for row in rows
                ],
            }
        )
    else:
        styles = {"passed": "good", "failed": "bad", "undecided": "doubt", "not asked": "faint"}
        show_table(
            ("outcome", "clause", "rule", "detail"),
            [(row.outcome, row.clause, row.rule, row.detail) for row in rows],
            title=f"As {purpose.name}",
            styles=[styles[row.outcome] for row in rows],
        )
        say()
        say(f"{verdict}: {_in_short(rows)}", style={"good": "good", "refused": "bad"}.get(verdict, "doubt"))
    raise typer.Exit(status)


def _in_short(rows: Sequence[RuleRow]) -> str:
    counts = {str(row.outcome): sum(other.outcome is row.outcome for other in rows) for row in rows}
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
