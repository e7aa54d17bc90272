"""The software statement of a registration: what a trusted directory says of the software wins over the request.

A statement is not bound to its sender. It counts if a trusted directory signed it, if it has the members that the
settings require of that directory, and if the software is approved. The directory is kept with the client, so that a
client ends with the trust in its directory. Without a trusted directory a statement is ignored, and not in the answer.

Spec: RFC 7591 2.3, 3.1.1, 3.2.1, 3.2.2; RFC 7519 4.1.3
Role: AS
Not checked here: a `jti`, because a statement may be used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from askit.clients.registration_request import read_members
from askit.config.software_statement_issuers import SoftwareStatementIssuer
from askit.core import Core
from askit.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from fapikit.jose.claims import Expected, check_audience, has_value
from fapikit.jose.parse import parse_jws
from fapikit.jose.third_party_purposes import SOFTWARE_STATEMENT
from fapikit.jose.verify import verify_jwt

STATEMENT: Final = "software_statement"
_ABOUT_THE_JWT: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", STATEMENT})
_ALTERNATIVES: Final = {"jwks": "jwks_uri", "jwks_uri": "jwks"}


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a directory says of the software. `issuer`: the directory; empty if no statement counts."""

    issuer: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)

    def over(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The requested metadata, with the members of the statement in place of its own."""
        if not self.issuer:
            return {name: value for name, value in asked.items() if name != STATEMENT}
        replaced = {*self.members, *(_ALTERNATIVES[name] for name in _ALTERNATIVES if name in self.members)}
        kept = {name: value for name, value in asked.items() if name not in replaced}
        return {**kept, **self.members}


async def read_software_statement(core: Core, asked: Mapping[str, Any], address: str) -> Vouched:
    """Verify the statement in `asked`. `address`: of the sender, as a pseudonym.

    Raises InvalidSoftwareStatement or a JwtError of that code, UnapprovedSoftwareStatement; TransportError if the keys
    of the directory cannot be fetched now.
    """
    statement = asked.get(STATEMENT)
    if not core.config.software_statement_issuers or statement is None:
        return Vouched()
    if not isinstance(statement, str):
        raise InvalidSoftwareStatement(
            "software_statement must be a string: a signed JWT", clause="RFC 7591 3.1.1"
        )
    trusted, algorithms = _issuer_of(core, statement)
    expected = Expected(
        issuer=trusted.issuer,
        audience=(),
        now=core.clock(),
        skew=core.profile.clock_skew,
        max_age=trusted.max_age,
    )
    verifying = verify_jwt(
        statement,
        SOFTWARE_STATEMENT,
        keys=core.software_statement_keys[trusted.issuer],
        algorithms=algorithms,
        expected=expected,
    )
    verified = await core.run(core.waiting_for_keys.wait(f"software statements {address}", verifying))
    claims = verified.claims
    if has_value(claims, "aud"):
        own_names = (core.config.issuer, core.endpoint("register"), core.alias(core.endpoint("register")))
        check_audience(claims, SOFTWARE_STATEMENT, own_names, sole=False)
    said = {name: value for name, value in claims.items() if name not in _ABOUT_THE_JWT}
    members = read_members(said, document="a software statement", clause="RFC 7591 2.3")
    _require(trusted, claims, members)
    return Vouched(trusted.issuer, members)


def _issuer_of(core: Core, statement: str) -> tuple[SoftwareStatementIssuer, frozenset[str]]:
    """The directory that the unverified statement names, and the algorithms that it may sign with."""
    known = core.config.software_statement_issuers
    allowed = {each.issuer: frozenset(each.algorithms or core.profile.signing_algorithms) for each in known}
    any_of_them = frozenset().union(*allowed.values())
    named = parse_jws(statement, SOFTWARE_STATEMENT, any_of_them).unverified_claims.get("iss")
    if not isinstance(named, str) or not named:
        raise InvalidSoftwareStatement(
            "the software_statement has no iss, which names its issuer", clause="RFC 7591 2.3"
        )
    for trusted in known:
        if trusted.issuer == named:
            return trusted, allowed[trusted.issuer]
    raise UnapprovedSoftwareStatement(
        "the issuer of this software_statement is not trusted here", facts={"iss": str(named)[:200]}
    )


def _require(trusted: SoftwareStatementIssuer, claims: Mapping[str, Any], members: Mapping[str, Any]) -> None:
    if trusted.max_age is not None and not has_value(claims, "iat"):
        raise InvalidSoftwareStatement("the software_statement has no iat, so its age is unknown")
    for name in trusted.required_members:
        if name not in members:
            raise InvalidSoftwareStatement(
                f"the software_statement has no {name}, which this server requires of its issuer",
                facts={"member": name},
            )
    if trusted.software_ids is not None and members.get("software_id") not in trusted.software_ids:
        raise UnapprovedSoftwareStatement(
            "the software of this software_statement is not approved here",
            facts={"software_id": str(members.get("software_id"))[:200]},
        )
