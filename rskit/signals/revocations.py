"""What an event means for access tokens: which of them are refused from now on.

A session that ended, claims that changed, a credential that was changed or taken away: the tokens that were issued
until then are refused. Those that are issued later pass, because the server knew of it.

A complex subject names what all its parts name together. A session is named by its id, wherever its tokens are. A part
that no token has, such as a device, does not narrow: a token too many is refused rather than one too few.

Spec: SSF 3.3; CAEP 2, 3.1, 3.2, 3.3; RFC 9493 3.2.3, 3.2.8
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from fapikit.signals.event_types import CREDENTIAL_CHANGE, SESSION_REVOKED, TOKEN_CLAIMS_CHANGE
from fapikit.signals.security_event import SecurityEvent
from fapikit.signals.subjects import Subject

UNDERSTOOD: Final = ("user", "session", "application")
"""The parts of a complex subject that tokens name."""
_NEW_CREDENTIAL: Final = "create"
"""A further credential takes nothing away. Any other change may be the answer to a theft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The arguments of one call of `Denylist.revoke`. Its repr names nobody."""

    issuer: str
    until: float
    jti: str | None = None
    subject: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    issued_until: float | None = None

    @classmethod
    def of_members(cls, members: dict[str, Any]) -> Self:
        return cls(**members)

    def members(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def __repr__(self) -> str:
        return f"Revocation({', '.join(name for name in self.members() if name not in ('issuer', 'until'))})"


def ends_tokens(event: SecurityEvent) -> bool:
    """Whether this event ends tokens, whomever it is about."""
    if event.types & {SESSION_REVOKED, TOKEN_CLAIMS_CHANGE}:
        return True
    change = event.events.get(CREDENTIAL_CHANGE)
    return change is not None and change.get("change_type") != _NEW_CREDENTIAL


def revocations_of(
    event: SecurityEvent, *, token_issuers: Collection[str], token_lifetime: float
) -> tuple[Revocation, ...]:
    """What is refused because of an event; nothing if it ends no tokens, or names nobody whom tokens name.

    `token_issuers`: whose tokens this transmitter may end. `token_lifetime`: how long an access token lives at most.
    """
    if not ends_tokens(event):
        return ()
    until = event.happened_at + token_lifetime
    named = _of_complex if event.subject.format == "complex" else _of_simple
    found = (
        Revocation(
            issuer=issuer, until=until, issued_until=None if "jti" in names else event.happened_at, **names
        )
        for issuer, names in named(event.subject, token_issuers)
        if issuer in token_issuers
    )
    return tuple(found)


def _of_simple(subject: Subject, _issuers: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    for each in subject.names:
        if each.format == "iss_sub":
            yield each.members["iss"], {"subject": each.members["sub"]}
        elif each.format == "jwt_id":
            yield each.members["iss"], {"jti": each.members["jti"]}


def _of_complex(subject: Subject, issuers: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    user, session = subject.parts.get("user"), subject.parts.get("session")
    of_user = None if user is None or user.format != "iss_sub" else user
    session_id = None if session is None else session.opaque_id()
    if session is not None and session.format == "jwt_id":
        yield from _of_simple(session, issuers)
    elif session_id is not None:
        for issuer in issuers if of_user is None else (of_user.members["iss"],):
            yield issuer, {"session_id": session_id}
    else:
        yield from _of_user_or_client(of_user, subject.parts.get("application"), issuers)


def _of_user_or_client(
    user: Subject | None, application: Subject | None, issuers: Collection[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    client_id = None if application is None else application.opaque_id()
    client = {} if client_id is None else {"client_id": client_id}
    if user is not None:
        yield user.members["iss"], {"subject": user.members["sub"], **client}
    elif client:
        for issuer in issuers:
            yield issuer, client
