"""The user of an authentication request: exactly one hint, which names exactly one user of this server.

A `login_hint` is a user name, the `sub` by which this client knows the user, or the value of the user's claim `email`
or `phone_number`. A `login_hint_token` is a JWT of an issuer that the settings trust. Its claim `sub_id` names the
user: `iss_sub` by the `sub` that this client knows, `opaque` by the user's own one. An `id_token_hint` is an ID token
that this server issued to this client; it may have expired, for as long as the key that signed it is published.

Spec: CIBA 7.1c, 7.2, 13a, 14, 14b; FAPI-CIBA 5.2.2-11; RFC 9493 3, 4.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.values import User
from askit.core import Core
from askit.errors import ExpiredLoginHintToken, InvalidRequest, UnknownUser
from askit.requests.requested_subject import hinted_subject
from askit.users.subjects import users_known_as
from fapikit.errors import Expired
from fapikit.jose.claims import Expected
from fapikit.jose.parse import parse_jws
from fapikit.jose.third_party_purposes import LOGIN_HINT_TOKEN
from fapikit.jose.verify import verify_jwt

HINTS: Final = ("login_hint", "login_hint_token", "id_token_hint")
_BY_CLAIM: Final = ("email", "phone_number")
_FORMATS: Final = {"email": "email", "phone_number": "phone_number", "opaque": "id"}
"""The formats of a subject identifier (RFC 9493 3.2) that name a user here, with the member that does."""


async def named_user(core: Core, members: Mapping[str, Any], client: Client) -> User:
    """The user whom the one hint names. Raises InvalidRequest, UnknownUser, ExpiredLoginHintToken, TransportError."""
    hints = [name for name in HINTS if members.get(name) not in (None, "")]
    if len(hints) != 1:
        raise InvalidRequest(
            f"exactly one of {', '.join(HINTS)} must be sent", clause="CIBA 7.1c", facts={"sent": len(hints)}
        )
    (name,) = hints
    hint = members[name]
    if not isinstance(hint, str):
        raise InvalidRequest(f"{name} must be a string", clause="CIBA 7.1c")
    if name == "id_token_hint":
        return _the_only(users_known_as(core, client, await hinted_subject(core, hint, client)))
    if name == "login_hint_token":
        return _the_only(await _named_by_token(core, hint, client))
    return _the_only(_named_by_text(core, hint, client))


def _named_by_text(core: Core, hint: str, client: Client) -> tuple[User, ...]:
    by_name = core.users.find(hint)
    if by_name is not None:
        return (by_name,)
    found = (core.users.with_claim(claim, hint) for claim in _BY_CLAIM)
    return users_known_as(core, client, hint) or next((users for users in found if users), ())


async def _named_by_token(core: Core, token: str, client: Client) -> tuple[User, ...]:
    profile = core.profile_of(client)
    issuer = parse_jws(token, LOGIN_HINT_TOKEN, profile.signing_algorithms).unverified_claims.get("iss")
    keys = core.login_hint_issuers.get(issuer) if isinstance(issuer, str) else None
    if keys is None:
        raise InvalidRequest("login_hint_token has no issuer that this server trusts", clause="CIBA 14b")
    expected = Expected(
        issuer=str(issuer), audience=(core.config.issuer,), now=core.clock(), skew=profile.clock_skew
    )
    flow = verify_jwt(
        token, LOGIN_HINT_TOKEN, keys=keys, algorithms=profile.signing_algorithms, expected=expected
    )
    try:
        verified = await core.run(core.waiting_for_keys.wait(f"login hints {issuer}", flow))
    except Expired as error:
        raise ExpiredLoginHintToken("this login_hint_token has expired") from error
    return _named_by_subject(core, verified.claims["sub_id"], client)


def _named_by_subject(core: Core, sub_id: object, client: Client) -> tuple[User, ...]:
    """The users with this subject identifier."""
    if not isinstance(sub_id, dict):
        raise InvalidRequest("sub_id of the login_hint_token must be an object", clause="RFC 9493 3")
    form = sub_id.get("format")
    if form == "iss_sub":
        ours = sub_id.get("iss") == core.config.issuer
        return users_known_as(core, client, sub_id.get("sub")) if ours else ()
    member = _FORMATS.get(form) if isinstance(form, str) else None
    if member is None:
        raise InvalidRequest(
            f"sub_id of the login_hint_token must have one of these formats: iss_sub, {', '.join(_FORMATS)}",
            clause="RFC 9493 3",
        )
    return core.users.with_claim("sub" if form == "opaque" else str(form), sub_id.get(member))


def _the_only(users: tuple[User, ...]) -> User:
    if len(users) != 1:
        raise UnknownUser(
            "the hint names no user of this server, or more than one", facts={"users": len(users)}
        )
    return users[0]
