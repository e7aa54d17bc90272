"""How a client knows a user: by the user's own subject or, if it registered for that, by a pairwise one of its sector.

All records of this server have the user's own subject. It is replaced where something goes out to a client, and looked
up where a client names a user. A pairwise subject is a MAC of the sector and the user's own subject, under a salt of
the settings: always the same, and without the salt nobody can compute it or compare two sectors.

An access token names the user as its client does, because a client can read a JWT that is for an API (RFC 9068 6). An
API of `subject = "user"` gets the user's own subject; its tokens are opaque or encrypted, so no client reads them.

Spec: OIDC 8, 8.1; RFC 9068 2.2, 6; OIDC Back-Channel Logout 2.1
Role: AS
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final

from askit.clients.client import Client
from askit.config.values import Resource, User
from askit.core import Core
from fapikit import base64url
from fapikit.errors import ConfigurationError

NOBODY: Final = ""
"""The subject of a request that names a user whom its client does not know. No user has it."""


def subject_for(core: Core, client: Client, sub: str) -> str:
    """The `sub` by which this client knows the user whose own subject is `sub`."""
    return _pairwise(core, client, "sub", sub) if client.pairwise else sub


def session_for(core: Core, client: Client, session_id: str) -> str:
    """The `sid` of a session for this client. One for all would tell two sectors that they have the same user."""
    return _pairwise(core, client, "sid", session_id) if client.pairwise else session_id


def users_known_as(core: Core, client: Client, sub: object) -> tuple[User, ...]:
    """The users whom this client knows by this `sub`."""
    if not client.pairwise:
        return core.users.with_claim("sub", sub)
    return tuple(user for user in core.users.all if subject_for(core, client, user.sub) == sub)


def own_subject(core: Core, client: Client, sub: str) -> str:
    """The user's own subject, for a `sub` that this client sent. NOBODY: a pairwise client does not know it."""
    if not client.pairwise:
        return sub
    return next((user.sub for user in users_known_as(core, client, sub)), NOBODY)


def subjects_in_token(
    core: Core, client: Client, resource: Resource | None, sub: str, act: Mapping[str, Any] | None
) -> tuple[str, Mapping[str, Any] | None]:
    """`sub` and `act` of an access token: the user, and the actors who are users, as `resource` may know them."""
    if not client.pairwise or (resource is not None and resource.subject == "user"):
        return sub, act
    return _shown(core, client, sub), None if act is None else _shown_actor(core, client, act)


def _shown_actor(core: Core, client: Client, act: Mapping[str, Any]) -> dict[str, Any]:
    shown = {**act, "sub": _shown(core, client, act["sub"])}
    if "act" in act:
        shown["act"] = _shown_actor(core, client, act["act"])
    return shown


def _shown(core: Core, client: Client, name: str) -> str:
    """Clients act too, and are always named by their client_id."""
    return subject_for(core, client, name) if core.users.with_claim("sub", name) else name


def _pairwise(core: Core, client: Client, kind: str, own: str) -> str:
    salt = core.config.pairwise_salt
    if salt is None:  # a client with pairwise subjects is refused without it, wherever clients are read
        raise ConfigurationError("pairwise subjects need pairwise_salt_file", clause="OIDC 8.1")
    # A host has no NUL, so what follows it cannot be taken for a part of it.
    message = f"{kind}\0{client.sector}\0{own}".encode()
    return base64url.encode(hmac.digest(salt.reveal(), message, "sha256"))
