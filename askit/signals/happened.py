"""What has ended or changed here, and who may hear of it.

A receiver that is a client hears of its own: a session in which it signed a user in, its grants, its tokens. A receiver
that stands for APIs hears of what reaches them. Each names the user as it knows the user, and a session as it knows
the session.

Spec: SSF 3.1, 3.3, 3.5; CAEP 2, 3.1, 3.2; RFC 9493 3.2.3, 3.2.4
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from askit.clients.client import Client
from askit.config.shared_signals import SignalsReceiver
from askit.core import Core
from askit.records import AccessToken, Grant, Session
from askit.signals.shares import Cause
from askit.users.subjects import session_for, subject_for
from fapikit.signals.event_types import SESSION_REVOKED, TOKEN_CLAIMS_CHANGE

Subject = Mapping[str, Any]


class Happened(Protocol):
    """One thing that happened. `kind`: the type of the event. `members`: what it says beside its time."""

    @property
    def kind(self) -> str: ...
    @property
    def members(self) -> Mapping[str, Any]: ...
    @property
    def happened_before(self) -> int:
        """Whole seconds that are taken off its time."""
        ...

    @property
    def gives_way(self) -> bool:
        """Whether the rest of the queue is kept for others once it is half full: any client can cause many of these."""
        ...

    @property
    def caused_by(self) -> Cause:
        """Whose share of a queue it uses."""
        ...

    def subjects(self, core: Core, receiver: SignalsReceiver) -> Iterator[Subject]:
        """As whom the receiver knows what it happened to; nothing if it must not hear of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """A browser was signed out. `clients`: those that signed the user in, in this session."""

    session: Session
    clients: tuple[Client, ...]
    kind: str = SESSION_REVOKED
    members: Mapping[str, Any] = field(default_factory=lambda: {"initiating_entity": "user"})
    happened_before: int = 0
    gives_way: bool = False

    @property
    def caused_by(self) -> Cause:
        return Cause("user", self.session.username)

    def subjects(self, core: Core, receiver: SignalsReceiver) -> Iterator[Subject]:
        session_id = self.session.session_id
        if receiver.resources:
            # No user: an API may know the user by other subjects, which nobody must be able to compare.
            clients = (*self.clients, *_exchanging(core))
            named = {session_id, *(session_for(core, client, session_id) for client in clients)}
            for each in sorted(named):
                yield {"format": "complex", "session": _opaque(each)}
            return
        user = core.users.find(self.session.username)
        for client in self.clients:
            if client.client_id == receiver.client_id and user is not None:
                yield {
                    "format": "complex",
                    "user": _user(core, subject_for(core, client, user.sub)),
                    "session": _opaque(session_for(core, client, session_id)),
                }


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnded:
    """A grant is no more: its user, its client or this server ended it. `reached`: the APIs that it reached."""

    grant: Grant
    client: Client | None
    reached: tuple[str, ...]
    members: Mapping[str, Any] = field(default_factory=dict)
    kind: str = SESSION_REVOKED
    happened_before: int = 0
    gives_way: bool = False

    @property
    def caused_by(self) -> Cause:
        return Cause("user", self.grant.username)

    def subjects(self, core: Core, receiver: SignalsReceiver) -> Iterator[Subject]:
        """The user at this client. Tokens that are issued later are of another grant.

        Of a client that is not known here now, nobody knows how it names users: then all tokens of it end, and are
        renewed.
        """
        grant = self.grant
        own = receiver.client_id == grant.client_id
        apis = [uri for uri in receiver.resources if uri in self.reached]
        if not own and not apis:
            return
        if self.client is None:
            yield {"format": "complex", "application": _opaque(grant.client_id)}
            return
        subs = set(self._subs(core, self.client, apis))
        if own:
            subs.add(self._known_as(core, self.client))
        # An exchanged token names another client. So of an API all tokens of the user end, and are renewed.
        application = {} if apis and _exchanging(core) else {"application": _opaque(grant.client_id)}
        for sub in sorted(subs):
            yield {"format": "complex", "user": _user(core, sub), **application}

    def _subs(self, core: Core, client: Client, apis: list[str]) -> Iterator[str]:
        for uri in apis:
            resource = core.config.resource(uri)
            if resource is not None and resource.subject == "user":
                yield self.grant.sub
            else:
                yield from (self._known_as(core, each) for each in (client, *_exchanging(core)))

    def _known_as(self, core: Core, client: Client) -> str:
        return subject_for(core, client, self.grant.sub)


def grant_replaced(grant: Grant, client: Client | None, reached: tuple[str, ...]) -> GrantEnded:
    """A grant has less than before. Tokens of the same second may be those of the change, so these are not meant."""
    claims = {"scope": " ".join(grant.scopes)}
    return GrantEnded(
        grant=grant,
        client=client,
        reached=reached,
        members={"claims": claims, "initiating_entity": "user"},
        kind=TOKEN_CLAIMS_CHANGE,
        happened_before=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEnded:
    """One access token was revoked."""

    token: AccessToken
    kind: str = SESSION_REVOKED
    members: Mapping[str, Any] = field(default_factory=lambda: {"initiating_entity": "system"})
    happened_before: int = 0
    gives_way: bool = True

    @property
    def caused_by(self) -> Cause:
        """Its client: a client that has many tokens of a user must not push out what the user ended."""
        return Cause("client", self.token.client_id)

    def subjects(self, core: Core, receiver: SignalsReceiver) -> Iterator[Subject]:
        if receiver.client_id == self.token.client_id or self.token.audience in receiver.resources:
            yield {"format": "jwt_id", "iss": core.config.issuer, "jti": self.token.jti}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEnded:
    """A client that registered itself is no more, and nothing that was issued to it is valid.

    `registered_from`: the pseudonym of the address from which it registered.
    """

    client_id: str
    registered_from: str
    kind: str = SESSION_REVOKED
    members: Mapping[str, Any] = field(default_factory=lambda: {"initiating_entity": "system"})
    happened_before: int = 0
    gives_way: bool = False

    @property
    def caused_by(self) -> Cause:
        """The address: whoever may register can make any number of clients, one after another, and end them."""
        return Cause("address", self.registered_from)

    def subjects(self, core: Core, receiver: SignalsReceiver) -> Iterator[Subject]:  # noqa: ARG002 - as all
        if receiver.resources:
            yield {"format": "complex", "application": _opaque(self.client_id)}


def _exchanging(core: Core) -> tuple[Client, ...]:
    """The clients that may exchange what was issued to others, and so have tokens of others' grants."""
    named = {client_id for rule in core.config.token_exchange for client_id in rule.clients}
    return tuple(client for client in core.config.clients if client.client_id in named)


def _user(core: Core, sub: str) -> dict[str, str]:
    return {"format": "iss_sub", "iss": core.config.issuer, "sub": sub}


def _opaque(identifier: str) -> dict[str, str]:
    return {"format": "opaque", "id": identifier}
