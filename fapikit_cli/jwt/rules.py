"""Checks a JWT rule by rule, in the order of `fapikit.jose.verify`, and goes on after a rule that it breaks.

Each rule is the library's own check, given only what the rule is about. In the end the whole JWT is verified by the
library, and its verdict counts: a refusal that no rule has told is one more row.

Spec: RFC 7515 5.2; RFC 7519 7.2; RFC 8725 3.1, 3.8, 3.9, 3.11, 3.12
Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from fapikit.errors import FapiError, JwtError, MissingClaim, TransportError, WrongNonce
from fapikit.flow import Flow
from fapikit.jose.claims import Expected, check_audience, check_claims, check_issuer, check_times, claimed_iat
from fapikit.jose.key_set import KeySource
from fapikit.jose.parse import UnverifiedJws, check_header, read_object, read_signature, split_jws
from fapikit.jose.public_key import PublicKey
from fapikit.jose.purposes import Purpose
from fapikit.jose.verify import check_signature, verify_jwt
from fapikit.secrets import Concealed

T = TypeVar("T")
_STRINGS: Final = ("iss", "sub", "jti", "client_id")
_EXTENSIONS: Final = ("crit", "b64", "zip")
Run = Callable[[Flow[Any]], Any]


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule. `error` is the library's, if the rule was broken."""

    rule: str
    outcome: Outcome
    clause: str
    detail: str
    error: FapiError | None = None


class Rules:
    """Collects the rows of one JWT."""

    def __init__(self, purpose: Purpose) -> None:
        self.purpose = purpose
        self.rows: list[RuleRow] = []

    def tell(self, rule: str, clause: str, check: Callable[[], T], detail: str = "") -> T | None:
        """Make a row of a check. Returns its result, or None if it failed."""
        try:
            result = check()
        except TransportError as error:
            self.rows.append(RuleRow(rule, Outcome.UNDECIDED, error.clause or clause, error.message, error))
            return None
        except FapiError as error:
            facts = "".join(f"; {name}: {value}" for name, value in error.facts.items() if name != "jwt")
            self.rows.append(
                RuleRow(rule, Outcome.FAILED, error.clause or clause, error.message + facts, error)
            )
            return None
        self.rows.append(RuleRow(rule, Outcome.PASSED, clause, detail))
        return result

    def skip(self, rule: str, clause: str, detail: str) -> None:
        self.rows.append(RuleRow(rule, Outcome.NOT_ASKED, clause, detail))

    def clause(self, about: str, otherwise: str) -> str:
        return self.purpose.clauses.get(about, otherwise)


def rules_of(
    token: Concealed[str],
    purpose: Purpose,
    *,
    keys: KeySource,
    algorithms: Collection[str],
    expected: Expected,
    run: Run,
    nonce: str | None = None,
) -> tuple[RuleRow, ...]:
    """Every rule, in order. Without a header or a payload that can be read, the rules about it are left out."""
    rules = Rules(purpose)
    text = token.reveal()
    parts = rules.tell(
        "it has three parts, and is not too long", "RFC 7515 7.1", lambda: split_jws(text, purpose)
    )
    if parts is not None:
        _check_parts(parts, rules, keys, algorithms, expected, run)
    if nonce is not None and parts is not None:
        _check_nonce(parts[1], rules, nonce)
    _check_whole(token, rules, keys, algorithms, expected, run)
    return tuple(rules.rows)


def _check_parts(
    parts: tuple[str, str, str],
    rules: Rules,
    keys: KeySource,
    algorithms: Collection[str],
    expected: Expected,
    run: Run,
) -> None:
    purpose = rules.purpose
    header = rules.tell(
        "its header is a JSON object", "RFC 7515 5.2", lambda: read_object(parts[0], purpose, "header")
    )
    if header is not None:
        _check_header(header, rules, algorithms)
    claims = rules.tell(
        "its payload is a JSON object", "RFC 7519 7.2", lambda: read_object(parts[1], purpose, "payload")
    )
    if claims is not None and expected.issuer is not None:
        issuer = expected.issuer
        rules.tell(
            "iss is the expected issuer",
            rules.clause("iss", "RFC 8725 3.8"),
            lambda: check_issuer(claims, purpose, issuer),
            issuer,
        )
    elif claims is not None:
        rules.skip(
            "iss is the expected issuer", rules.clause("iss", "RFC 8725 3.8"), "give --issuer or --iss"
        )
    if header is not None:
        _check_signature(parts, header, claims or {}, rules, keys, algorithms, run)
    if claims is not None:
        _check_claims(claims, rules, expected)


def _check_header(header: Mapping[str, Any], rules: Rules, algorithms: Collection[str]) -> None:
    """Each rule sees its own member alone, beside others that are good."""
    purpose = rules.purpose
    good = {"typ": purpose.typ or "JWT", "alg": next(iter(algorithms))}

    def only(*names: str) -> dict[str, Any]:
        seen = {name: header[name] for name in names if name in header}
        kept = {name: value for name, value in good.items() if name not in names}
        return {**kept, **seen}

    shown = {name: str(header.get(name, "absent")) for name in ("typ", "alg", "kid")}
    rules.tell(
        "typ is that of this kind",
        rules.clause("typ", "RFC 8725 3.11"),
        lambda: check_header(only("typ"), purpose, algorithms),
        shown["typ"],
    )
    rules.tell(
        "alg is allowed",
        rules.clause("alg", "RFC 8725 3.1"),
        lambda: check_header(only("alg"), purpose, algorithms),
        shown["alg"],
    )
    rules.tell(
        "it has no extensions that are not understood",
        "RFC 7515 4.1.11",
        lambda: check_header(only(*_EXTENSIONS), purpose, algorithms),
    )
    rules.tell(
        "kid is a string",
        "RFC 7515 4.1.4",
        lambda: check_header(only("kid"), purpose, algorithms),
        shown["kid"],
    )


def _check_signature(
    parts: tuple[str, str, str],
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    rules: Rules,
    keys: KeySource,
    algorithms: Collection[str],
    run: Run,
) -> None:
    purpose = rules.purpose
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in algorithms or not isinstance(kid, str | None):
        rules.skip(
            "the signature verifies",
            rules.clause("signature", "RFC 7515 5.2"),
            "alg or kid is refused already",
        )
        return
    issued_at = claimed_iat(claims)
    key: PublicKey | None = rules.tell(
        "one key matches it",
        "RFC 7515 6",
        lambda: run(keys.find(alg, kid, purpose, issued_at=issued_at)),
        f"kid {kid or 'absent'}",
    )
    if key is None:
        return

    def verify() -> None:
        head, body, tail = parts
        signature = read_signature(tail, purpose)
        jws = UnverifiedJws(alg, kid, header, claims, f"{head}.{body}".encode("ascii"), signature)
        check_signature(jws, key, purpose)

    rules.tell(
        "the signature verifies", rules.clause("signature", "RFC 7515 5.2"), verify, f"{alg}, {key.described}"
    )


def _check_claims(claims: Mapping[str, Any], rules: Rules, expected: Expected) -> None:
    purpose = rules.purpose
    alone = replace(purpose, required=(), forbidden=frozenset(), self_issued=False)
    nothing = replace(expected, issuer=None, audience=())
    for name in purpose.required:
        rules.tell(
            f"it has {name}",
            rules.clause(name, "RFC 7519 4.1"),
            partial(_require, claims, name, purpose),
        )
    for name in sorted(purpose.forbidden & claims.keys()) or [""]:
        # One row for each; or one row, about no claim at all.
        others = {name: claims[name]} if name else {}
        forbidding = replace(alone, forbidden=purpose.forbidden)
        rules.tell(
            "it has no claim of another kind of JWT",
            "RFC 8725 3.12",
            partial(check_claims, others, forbidding, nothing),
        )
    for name in _STRINGS:
        if claims.get(name) is not None:
            rules.tell(
                f"{name} is a string",
                rules.clause(name, "RFC 7519 4.1"),
                partial(check_claims, {name: claims[name]}, alone, nothing),
            )
    rules.tell(
        "sub is iss" if purpose.self_issued else "sub is not iss, as it is in a client assertion",
        rules.clause("sub", "RFC 8725 3.12"),
        lambda: check_claims(
            {name: claims[name] for name in ("iss", "sub") if isinstance(claims.get(name), str)},
            replace(alone, self_issued=purpose.self_issued),
            nothing,
        ),
    )
    _check_audience(claims, rules, expected)
    _check_times(claims, rules, expected)


def _check_audience(claims: Mapping[str, Any], rules: Rules, expected: Expected) -> None:
    clause = rules.clause("aud", "RFC 8725 3.9")
    if "aud" not in claims and "aud" not in rules.purpose.required:
        return
    if not expected.audience:
        rules.skip("aud is the expected recipient", clause, "give --audience")
        return
    rules.tell(
        "aud is the expected recipient",
        clause,
        lambda: check_audience(
            claims,
            rules.purpose,
            expected.audience,
            sole=expected.sole_audience,
            trusted=expected.trusted_audiences,
        ),
        " ".join(expected.audience),
    )


def _check_times(claims: Mapping[str, Any], rules: Rules, expected: Expected) -> None:
    told = {"exp": "it has not expired", "nbf": "it is good already", "iat": "it was made in the past"}
    clauses = {"exp": "RFC 7519 4.1.4", "nbf": "RFC 7519 4.1.5", "iat": "RFC 7519 4.1.6"}
    for name, rule in told.items():
        if claims.get(name) is not None:
            rules.tell(
                rule,
                rules.clause(name, clauses[name]),
                partial(check_times, {name: claims[name]}, rules.purpose, expected),
                f"{name} {claims[name]}",
            )


def _check_nonce(body: str, rules: Rules, nonce: str) -> None:
    def compare() -> None:
        if read_object(body, rules.purpose, "payload").get("nonce") != nonce:
            raise rules.purpose.fail(WrongNonce, "nonce is not the one that was sent", about="nonce")

    rules.tell("nonce is the one that was sent", rules.clause("nonce", "OIDC 3.1.3.7-11"), compare)


def _require(claims: Mapping[str, Any], name: str, purpose: Purpose) -> None:
    if claims.get(name) is None:
        raise purpose.fail(
            MissingClaim, f"this {purpose.name} has no {name}", about=name, facts={"claim": name}
        )


def _check_whole(
    token: Concealed[str],
    rules: Rules,
    keys: KeySource,
    algorithms: Collection[str],
    expected: Expected,
    run: Run,
) -> None:
    """The library's own verdict. It is a row of its own only where the rows above do not say the same."""
    try:
        run(verify_jwt(token, rules.purpose, keys=keys, algorithms=algorithms, expected=expected))
    except (JwtError, TransportError) as error:
        told = {row.outcome for row in rules.rows}
        if not {Outcome.FAILED, Outcome.UNDECIDED} & told:
            outcome = Outcome.UNDECIDED if isinstance(error, TransportError) else Outcome.FAILED
            rules.rows.append(RuleRow("the library takes it", outcome, error.clause, error.message, error))
