"""Reads scope, authorization details and confirmation from verified claims, for JWTs and introspection answers alike.

Spec: RFC 9068 2.2.3; RFC 7662 2.2; RFC 9396 9; RFC 7800 3.1; RFC 8705 3.1, 3.2; RFC 9449 6 (RS-10, RS-18);
    RFC 8693 4.1a; FAPI1-BL 6.2.1-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from fapikit.errors import MalformedClaim
from fapikit.jose.purposes import ACCESS_TOKEN
from rskit.errors import UnknownConfirmation
from rskit.issuers.issuer import Issuer
from rskit.tokens.token import CLIENT_CLAIMS, Confirmation, Token, TokenKind

UNBOUND: Final = Confirmation()
_NAME_OCTETS: Final = 6
_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much
_KNOWN_MEMBERS: Final = frozenset({"jkt", "x5t#S256"})
_THUMBPRINT_CHARACTERS: Final = 43
_latest: Final[list[dict[str, Any]]] = [{"": None}] * 64  # a name that no ordinary token has
"""A template of names by the number of names (`_sharing_names`)."""


def build_token(members: dict[str, Any], config: Issuer, kind: TokenKind, digest: bytes) -> Token:
    """The token that verified claims describe. The values in the dict are read-only already.

    Thousands of tokens are cached, and most of their text is the same: so all of them share one copy of it.
    Raises MalformedClaim, UnknownConfirmation.
    """
    members = _sharing_names(members)
    member = members.get
    if "act" in members:
        require_actor(members["act"])
    aud, exp = member(config.audience_claim), member("exp")
    scope = member(config.scope_claim) if type(config.scope_claim) is str else None
    client_id = member(config.client_claim)
    if type(client_id) is str:
        (client_id,) = _alone(client_id)
        members[config.client_claim] = client_id
    if type(aud) is str:
        aud = _alone(aud)
        members[config.audience_claim] = aud[0]
    if member("iss") == config.url:
        members["iss"] = config.url
    return _new(
        Token,
        (
            config.url,
            member("sub"),
            client_id if type(client_id) is str else read_client(members, config.client_claim),
            _split_scope(scope) if type(scope) is str else read_scopes(members, config.scope_claim),
            aud or (),
            read_details(members) if "authorization_details" in members else (),
            read_confirmation(members) if "cnf" in members else UNBOUND,
            None if exp is None else float(exp),
            members,
            kind,
            digest[:_NAME_OCTETS].hex(),
        ),
    )


def _sharing_names(members: dict[str, Any]) -> dict[str, Any]:
    """A copy whose keys are the same objects as those of all objects with these names.

    Most tokens have the names of the last one with as many. A template with another name would make the copy longer.
    """
    place = len(members) % len(_latest)
    copy = _latest[place] | members
    if len(copy) == len(members):
        return copy
    _latest[place] = template = _template(tuple(members))
    return template | members


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> dict[str, Any]:
    return dict.fromkeys(names)


@lru_cache(maxsize=4096)
def _alone(text: str) -> tuple[str]:
    """The text alone in a tuple: the same tuple for the same text."""
    return (text,)


def read_scopes(claims: Mapping[str, Any], claim: str | tuple[str, ...]) -> frozenset[str]:
    """The scopes: names separated by spaces, or an array of names, as many servers write it.

    Several claims give the union. Raises MalformedClaim.
    """
    if isinstance(claim, tuple):
        return frozenset[str]().union(*(read_scopes(claims, name) for name in claim))
    value = claims.get(claim)
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return _split_scope(value)
    if isinstance(value, tuple) and all(isinstance(name, str) and " " not in name for name in value):
        return frozenset(filter(None, value))
    raise _malformed("scope must be a string of names or an array of names", claim, "RFC 9068 2.2.3")


@lru_cache(maxsize=1024)
def _split_scope(scope: str) -> frozenset[str]:
    """The scopes in a string. Cached, because an API sees few different strings."""
    return frozenset(filter(None, scope.split(" ")))


def read_client(claims: Mapping[str, Any], claim: str) -> str | None:
    """The client. If the configured claim is absent, another one that names the client. Raises MalformedClaim."""
    if claims.get(claim) is not None and not isinstance(claims[claim], str):
        raise _malformed("the claim that names the client must be a string", claim, "RFC 9068 2.2")
    named = map(claims.get, (claim, *CLIENT_CLAIMS))
    return next((name for name in named if isinstance(name, str)), None)


def read_details(claims: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    value = claims["authorization_details"]
    if value is None:
        return ()
    if not isinstance(value, tuple) or not all(
        isinstance(item, dict) and isinstance(item.get("type"), str) for item in value
    ):
        raise _malformed(
            "authorization_details must be an array of objects with a type",
            "authorization_details",
            "RFC 9396 9",
        )
    return value


def require_actor(act: object) -> None:
    """Check that `act` names an actor, so that nobody is taken for the subject itself. Raises MalformedClaim."""
    if act is None:
        return
    named = act if isinstance(act, dict) else {}
    if not isinstance(named.get("sub"), str) or not isinstance(named.get("iss", ""), str):
        raise _malformed("act must be an object with the sub of the actor", "act", "RFC 8693 4.1a")


def read_confirmation(claims: Mapping[str, Any]) -> Confirmation:
    """What `cnf` binds the token to. Unknown members are ignored only if a known one is present.

    Raises UnknownConfirmation, MalformedClaim.
    """
    cnf = claims["cnf"]
    if not isinstance(cnf, dict):
        raise _malformed("cnf must be an object", "cnf", "RFC 7800 3.1")
    if cnf.keys().isdisjoint(_KNOWN_MEMBERS):
        raise UnknownConfirmation("the token's cnf has no member that is known here (jkt, x5t#S256)")
    return Confirmation(_thumbprint(cnf, "jkt"), _thumbprint(cnf, "x5t#S256"))


def _thumbprint(cnf: Mapping[str, Any], member: str) -> str | None:
    value = cnf.get(member)
    if value is None and member not in cnf:
        return None
    if not isinstance(value, str) or len(value) != _THUMBPRINT_CHARACTERS or not value.isascii():
        raise _malformed("cnf must hold a SHA-256 thumbprint", f"cnf.{member}", "RFC 7800 3.1")
    return value


def _malformed(message: str, claim: str, clause: str) -> MalformedClaim:
    return ACCESS_TOKEN.fail(MalformedClaim, message, clause=clause, facts={"claim": claim})
