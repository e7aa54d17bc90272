"""The base class of all errors, and the errors that are not about a kind of token.

Spec: RFC 6749 4.1.2.1, 5.2
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import Any


class Fault(StrEnum):
    """Who broke the rule."""

    PEER = "peer"
    USER = "user"
    CONFIGURATION = "configuration"
    TRANSPORT = "transport"


class Remedy(StrEnum):
    """What the reader of the error should do next."""

    SIGN_IN_AGAIN = "sign in again"
    RETRY_LATER = "retry later"
    CORRECT_THE_REQUEST = "correct the request"
    FIX_CONFIGURATION = "fix your configuration"
    TELL_THE_PEER = "the other side broke the protocol: tell its operator"


_NO_FACTS: Mapping[str, str] = MappingProxyType({})
_LONGEST_FACT = 300


def on_one_line(text: str) -> str:
    """The text with every unprintable character escaped, for logs: a peer wrote part of it."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class FapiError(Exception):
    """The base class of every error that this project raises on purpose.

    `code`: the registered OAuth error code that is sent, or None if nothing is sent.
    `clause`: the rule, written as `FAPI2-SP 5.3.3.1-5` or `RFC 9207 2.4`.
    `facts`: log-safe strings (expected, got, claim). No token, code, key or other secret is among them.
    `outcome`: what the other side has done already, if its response was refused for another reason. It is a `TokenSet`
    with the rotated refresh token, a `Registration`, or a response. Its repr shows no secret, and it is not pickled.
    """

    outcome: object | None = None
    code: str | None = None
    clause: str = ""
    fault: Fault = Fault.PEER
    remedy: Remedy = Remedy.TELL_THE_PEER

    def __init__(
        self,
        message: str,
        *,
        clause: str | None = None,
        code: str | None = None,
        remedy: Remedy | None = None,
        facts: Mapping[str, object] = _NO_FACTS,
    ) -> None:
        message = on_one_line(message)
        super().__init__(message)
        self.message = message
        if clause is not None:
            self.clause = clause
        if code is not None:
            self.code = code
        if remedy is not None:
            self.remedy = remedy
        self.facts: Mapping[str, str] = MappingProxyType(
            {name: on_one_line(str(value)[:_LONGEST_FACT]) for name, value in facts.items()}
        )
        lines = "".join(f"\n  {name}: {value}" for name, value in self.facts.items())
        more = f"\n  more: fapikit explain {type(self).__name__}"
        self.add_note(f"What to do: {self.remedy}.{lines}{more}")  # a traceback shows it below the message

    def __str__(self) -> str:
        return f"{self.message} [{self.clause}]" if self.clause else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Make errors picklable, for pools of processes: subclasses have arguments that Exception does not know."""
        members = {name: value for name, value in vars(self).items() if name != "outcome"}
        return _rebuilt, (type(self), self.args, {**members, "facts": dict(self.facts)})


def _rebuilt(kind: type[FapiError], args: tuple[Any, ...], members: dict[str, Any]) -> FapiError:
    error = kind.__new__(kind, *args)
    vars(error).update(members, facts=MappingProxyType(members["facts"]))
    return error


class ConfigurationError(FapiError):
    """Settings that contradict each other or cannot work. It is raised at construction, and names the settings."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class ForbiddenByProfile(ConfigurationError):
    """The profile forbids a setting or a request."""


class TransportError(FapiError):
    """No usable response came. It proves nothing: a caller that needs the response cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class Unreachable(TransportError):
    """The peer refused the connection, broke it, failed TLS or did not answer in time."""


class ResponseTooLarge(TransportError):
    """The response body is larger than the limit of this call."""


class UnexpectedRedirect(TransportError):
    """A back-channel endpoint answered with a redirect. Redirects are never followed."""

    clause = "RFC 9700 4.11"
    remedy = Remedy.TELL_THE_PEER


class InsecureUrl(TransportError):
    """A URL is not https, and its host is not loopback."""

    clause = "RFC 9325 3.1.1"  # of every profile: most URLs are checked before a profile is known
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class UnusableAnswer(TransportError):
    """The response about a key set or about a token cannot be used, so nothing is decided.

    Its cause is the error in that response. So a broken response about a token is never taken for a broken token.
    """

    fault = Fault.PEER


class KeyUndecided(TransportError):
    """The `kid` is not in the cached key set, and the key set may not be fetched again yet.

    The peer may have a new key. So the sender of the JWT is asked to retry, and the JWT is not called wrong.
    """

    clause = "OIDC 10.1.1"


class DeadlineExceeded(TransportError):
    """Work that is shared with other callers did not finish before the deadline of this caller."""


class StoreError(FapiError):
    """A store could not execute an operation. The caller cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class StoreFull(StoreError):
    """A bounded store is full of live entries, and accepts no more."""


class StoreUnavailable(StoreError):
    """The store did not answer."""


class StoreForgot(StoreError):
    """The store was emptied or replaced. A lost mark may still matter, so a use cannot be proven to be the first.

    `retry_after`: the seconds until no lost mark matters any more.
    """

    def __init__(self, message: str, *, retry_after: float, facts: Mapping[str, object] = _NO_FACTS) -> None:
        super().__init__(message, facts={**facts, "retry_after": ceil(retry_after)})
        self.retry_after = retry_after


class UnfitStore(StoreError, ConfigurationError):
    """The store cannot keep what it is used for: it may evict entries, is a replica, or loses data at a restart."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class UnreadableRecord(StoreError):
    """A stored value is not what was written there: another version or another program wrote it, or it is damaged."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class SealBroken(StoreError):
    """A sealed value cannot be opened: it was altered or cut, or its key is no longer configured."""

    fault = Fault.PEER
    remedy = Remedy.SIGN_IN_AGAIN


class MessageError(FapiError):
    """A peer's HTTP message cannot be used."""


class MalformedMessage(MessageError):
    """A message has wrong syntax: duplicates, wrong types, bad encoding, missing members."""

    code = "invalid_request"
    clause = "RFC 6749 3.1"


class UnexpectedStatus(MessageError):
    """The HTTP status is not one that the specification defines here."""


_REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        "invalid_client": Remedy.FIX_CONFIGURATION,
        "invalid_dpop_proof": Remedy.FIX_CONFIGURATION,  # most often the clock of this host is wrong
        "invalid_request_object": Remedy.FIX_CONFIGURATION,
        "unauthorized_client": Remedy.FIX_CONFIGURATION,
        "invalid_request": Remedy.CORRECT_THE_REQUEST,
        "invalid_scope": Remedy.CORRECT_THE_REQUEST,
        "invalid_target": Remedy.CORRECT_THE_REQUEST,
        "invalid_authorization_details": Remedy.CORRECT_THE_REQUEST,
        "invalid_client_metadata": Remedy.CORRECT_THE_REQUEST,
        "invalid_redirect_uri": Remedy.CORRECT_THE_REQUEST,
    }
)


class PeerRefused(MessageError):
    """The peer answered with a well-formed OAuth error. `peer_code` is its `error`.

    `peer_description` is its `error_description`, which is part of the message: printable, at most 200 characters,
    without the secrets that we sent.
    """

    def __init__(
        self,
        message: str,
        *,
        peer_code: str,
        status: int,
        clause: str | None = None,
        peer_description: str | None = None,
        remedy: Remedy | None = None,
        facts: Mapping[str, object] = _NO_FACTS,
    ) -> None:
        super().__init__(
            message,
            clause=clause,
            remedy=remedy or _REMEDIES.get(peer_code),
            facts={"error": peer_code, "status": status, **facts},
        )
        self.peer_code = peer_code
        self.peer_description = peer_description
        self.status = status


class MetadataError(FapiError):
    """The metadata of an authorization server or an API cannot be trusted or used."""


class IssuerMismatch(MetadataError):
    """The `issuer` of the metadata is not the issuer that they were requested for."""

    clause = "RFC 8414 3.3"


class MissingMetadata(MetadataError):
    """The metadata lack a member that the profile or the request needs."""
