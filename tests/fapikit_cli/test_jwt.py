"""`fapikit jwt`: what is in a JWT is explained, and each broken rule has its row while the others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwe, jwk

from askit.pytest_plugin.running import RunningServer
from fapikit.errors import KeyUndecided
from fapikit.io import SyncDriver
from fapikit.jose.claims import Expected
from fapikit.jose.key_set import KeySet
from fapikit.jose.purposes import ACCESS_TOKEN, CLIENT_ASSERTION, ID_TOKEN
from fapikit.secrets import Concealed
from fapikit_cli.jwt.decoding import decode, distance
from fapikit_cli.jwt.purposes import PURPOSES
from fapikit_cli.jwt.rules import Outcome, rules_of
from tests.fapikit_cli.running import run
from tests.keys import a_key, b64, mint

NOW = 1_800_000_000
ISSUER = "https://bank.example"
KEY = a_key("ES256")
HONEST: dict[str, Any] = {
    "iss": ISSUER, "sub": "alice", "aud": "api", "client_id": "fintech", "iat": NOW - 10, "exp": NOW + 300, "jti": "1",
}  # fmt: skip


def token(claims: Mapping[str, Any] = HONEST, key: Any = KEY, *, typ: str = "at+jwt", **header: Any) -> str:
    return mint(claims, key, typ=typ, header=header)


def broken(text: str, **other: Any) -> dict[str, str]:
    """The rules that are broken, each with the name of its error."""
    arguments: dict[str, Any] = {
        "keys": KeySet([KEY.public_key]),
        "algorithms": {"ES256", "PS256"},
        "expected": Expected(issuer=ISSUER, audience=("api",), now=NOW),
        "run": SyncDriver().run,
        **other,
    }
    rows = rules_of(Concealed(text), arguments.pop("purpose", ACCESS_TOKEN), **arguments)
    return {row.rule: type(row.error).__name__ for row in rows if row.outcome is Outcome.FAILED}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in HONEST.items() if key != name}


def test_an_honest_token_breaks_no_rule() -> None:
    assert broken(token()) == {}


OTHERS_KEY = a_key("ES256", 5)
STRANGER = {"keys": KeySet([OTHERS_KEY.public_key])}
MUTATIONS: list[tuple[str, str, dict[str, str]]] = [
    ("typ", token(typ="JWT"), {"typ is that of this kind": "WrongJwtType"}),
    ("crit", token(crit=["b64"]), {"it has no extensions that are not understood": "UnknownCritical"}),
    ("iss", token({**HONEST, "iss": "https://other.example"}), {"iss is the expected issuer": "WrongIssuer"}),
    ("aud", token({**HONEST, "aud": "other"}), {"aud is the expected recipient": "WrongAudience"}),
    ("exp", token({**HONEST, "exp": NOW - 100}), {"it has not expired": "Expired"}),
    ("nbf", token({**HONEST, "nbf": NOW + 100}), {"it is good already": "NotYetValid"}),
    ("iat", token({**HONEST, "iat": NOW + 100}), {"it was made in the past": "NotYetValid"}),
    ("no jti", token(without("jti")), {"it has jti": "MissingClaim"}),
    ("nonce", token({**HONEST, "nonce": "n"}), {"it has no claim of another kind of JWT": "ForbiddenClaim"}),
    ("sub", token({**HONEST, "sub": ISSUER}), {"sub is not iss, as it is in a client assertion": "ForbiddenClaim"}),
    ("client_id", token({**HONEST, "client_id": 7}), {"client_id is a string": "MalformedClaim"}),
    ("signature", token()[:-4] + "AAAA", {"the signature verifies": "BadSignature"}),
    ("alg", token(key=a_key("ES384")), {"alg is allowed": "ForbiddenAlgorithm"}),
    ("parts", "eyJhIjoxfQ.e30", {"it has three parts, and is not too long": "MalformedJwt"}),
]  # fmt: skip


@pytest.mark.parametrize("text, rows", [case[1:] for case in MUTATIONS], ids=[case[0] for case in MUTATIONS])
def test_each_broken_rule_has_its_row_and_no_other(text: str, rows: dict[str, str]) -> None:
    assert broken(text) == rows


def test_a_key_of_somebody_else_is_told() -> None:
    assert broken(token(), **STRANGER) == {"one key matches it": "KeyNotFound"}


def test_it_goes_on_after_the_first_broken_rule() -> None:
    wrong = token({**HONEST, "iss": "https://other.example", "aud": "other", "exp": NOW - 100}, typ="JWT")
    assert list(broken(wrong[:-4] + "AAAA")) == [
        "typ is that of this kind",
        "iss is the expected issuer",
        "the signature verifies",
        "aud is the expected recipient",
        "it has not expired",
    ]


def test_what_is_broken_in_the_header_is_told_although_the_payload_is_none() -> None:
    head, _, tail = token(typ="JWT").split(".")
    assert broken(f"{head}.{b64(b'[]')}.{tail}") == {
        "typ is that of this kind": "WrongJwtType",
        "its payload is a JSON object": "MalformedJwt",
        "the signature verifies": "BadSignature",
    }


@pytest.mark.spec("OIDC 3.1.3.7-11")
def test_the_nonce_of_an_id_token_is_compared() -> None:
    claims = {**without("client_id"), "nonce": "sent"}
    arguments = {"purpose": ID_TOKEN}
    assert broken(token(claims, typ="JWT"), nonce="sent", **arguments) == {}
    assert broken(token(claims, typ="JWT"), nonce="other", **arguments) == {
        "nonce is the one that was sent": "WrongNonce"
    }


def test_a_client_assertion_is_of_its_own_issuer() -> None:
    arguments = {
        "purpose": CLIENT_ASSERTION,
        "expected": Expected(issuer="fintech", audience=(ISSUER,), now=NOW),
    }
    claims = {"iss": "fintech", "sub": "fintech", "aud": ISSUER, "exp": NOW + 60, "jti": "1"}
    kind = "client-authentication+jwt"
    assert broken(token(claims, typ=kind), **arguments) == {}
    assert broken(token({**claims, "sub": "other"}, typ=kind), **arguments) == {"sub is iss": "WrongSubject"}


def test_keys_that_cannot_be_fetched_are_undecided() -> None:
    class Away(KeySet):
        def find(self, *_: Any, **__: Any) -> Any:
            raise KeyUndecided("not now")

    rows = rules_of(
        Concealed(token()),
        ACCESS_TOKEN,
        keys=Away([]),
        algorithms={"ES256"},
        expected=Expected(issuer=ISSUER, audience=("api",), now=NOW),
        run=SyncDriver().run,
    )
    assert [row.rule for row in rows if row.outcome is Outcome.UNDECIDED] == ["one key matches it"]
    assert not [row for row in rows if row.outcome is Outcome.FAILED]


@pytest.mark.parametrize(
    "seconds, told",
    [
        (0, "now"),
        (59, "in 59 seconds"),
        (-60, "1 minute ago"),
        (7200, "in 2 hours"),
        (-200_000, "2 days ago"),
    ],
)
def test_times_are_told_in_words(seconds: float, told: str) -> None:
    assert distance(seconds) == told


def test_shows_a_jwt_inside_a_jwt() -> None:
    inner = token(typ="JWT")
    layers = list(decode(Concealed(token({**HONEST, "id_token_hint": inner})), None))
    assert [(layer.where, layer.what) for layer in layers] == [("", "access token"), ("id_token_hint", "JWT")]
    assert layers[1].payload == HONEST


def test_a_member_that_is_there_twice_is_remarked() -> None:
    parts = (b'{"alg":"ES256"}', b'{"iss":"a","iss":"b"}', b"x")
    [layer] = decode(Concealed(".".join(map(b64, parts))), None)
    assert layer.remarks == ("A member of its payload is there twice: verifiers refuse that.",)


def test_decode_explains_each_claim_and_its_clause() -> None:
    told = run("jwt", "decode", stdin=f"Authorization: DPoP {token()}\n")
    assert told.returncode == 0, told.stderr
    assert "access token: claims" in told.stdout
    line = next(line for line in told.stdout.splitlines() if line.startswith("exp "))
    assert "2027-01-15 08:05:00 UTC" in line
    assert "RFC 7519 4.1.4" in line
    assert "Nothing was verified" in told.stdout


def test_a_jwt_that_is_of_no_use_any_more_may_be_an_argument() -> None:
    told = run("jwt", "decode", token({**HONEST, "exp": int(time.time()) - 5}), "--json")
    assert json.loads(told.stdout)[0]["claims"]["sub"] == "alice"
    told = run("jwt", "decode", token({**HONEST, "exp": int(time.time()) + 600}))
    assert told.returncode == 2
    assert "stdin" in told.stderr


@pytest.mark.parametrize("form", ["jwk", "pem"])
def test_an_encrypted_jwt_is_opened_with_its_key(form: str, tmp_path: Path) -> None:
    own = jwk.JWK.generate(kty="EC", crv="P-256", kid="enc-1")
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT", "kid": "enc-1"}
    sealed = jwe.JWE(token(), json.dumps(header), recipient=own).serialize(compact=True)
    key = tmp_path / "key"
    key.write_text(own.export_private() if form == "jwk" else own.export_to_pem(True, None).decode())
    key.chmod(0o600)
    closed = run("jwt", "decode", stdin=sealed)
    assert "It is encrypted" in closed.stdout
    opened = run("jwt", "decode", "--decrypt-with", key, "--json", stdin=sealed)
    assert opened.returncode == 0, opened.stderr
    outer, inner = json.loads(opened.stdout)
    assert outer["what"] == "encrypted JWT"
    assert inner["claims"] == HONEST


def test_verify_by_a_file_of_keys(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [dict(KEY.public_jwk)]}))
    known = ("--jwks", tmp_path / "jwks.json", "--iss", ISSUER, "--audience", "api", "--at", NOW)
    good = run("jwt", "verify", *known, stdin=token())
    assert good.returncode == 0, good.stdout + good.stderr
    refused = run("jwt", "verify", *known, "--json", stdin=token({**HONEST, "aud": "other"}))
    assert refused.returncode == 1
    said = json.loads(refused.stdout)
    assert said["verdict"] == "refused"
    assert [row["error"] for row in said["rules"] if row["outcome"] == "failed"] == ["WrongAudience"]


def test_verify_by_the_keys_of_an_issuer(askit: RunningServer[Any]) -> None:
    issued = askit.access_token(scope="accounts")
    known = ("--issuer", askit.issuer, "--ca", askit.ca, "--audience", "https://api.example.test/")
    told = run("jwt", "verify", *known, stdin=issued)
    assert told.returncode == 0, told.stdout + told.stderr
    assert issued not in told.stdout + told.stderr
    told = run("jwt", "verify", "--issuer", "https://localhost:1", stdin=issued)
    assert told.returncode == 3


def test_a_proof_is_verified_with_the_key_in_its_header() -> None:
    claims = {"jti": "1", "htm": "GET", "htu": "https://api.example/", "iat": int(time.time())}
    proof = mint(claims, KEY, typ="dpop+jwt", header={"jwk": dict(KEY.public_key.jwk), "kid": None})
    told = run("jwt", "verify", stdin=proof)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "As DPoP proof" in told.stdout


@pytest.mark.parametrize(
    "stdin, arguments, told",
    [
        ("no jwt", (), "is no JWT"),
        ('{"file": "of.three.dots"}', (), "is no JWT"),
        (token(), (), "whose key"),
        (token({"a": 1}, typ="JWT"), (), "--purpose"),
        (token(), ("--purpose", "x"), "id-token"),
    ],
)
def test_wrong_usage_says_what_to_give(stdin: str, arguments: tuple[str, ...], told: str) -> None:
    result = run("jwt", "verify", *arguments, stdin=stdin)
    assert result.returncode == 2
    assert told in result.stderr


def test_every_purpose_has_a_name() -> None:
    assert len({purpose.name for purpose in PURPOSES.values()}) == len(PURPOSES)
