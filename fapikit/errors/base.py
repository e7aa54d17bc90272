"""The root of the tree, and what belongs to no kind of token.

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
    """Printable, for logs: a peer wrote part of it."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class FapiError(Exception):
    """Base of every error this project raises on purpose.

    `code` is the registered OAuth error code that goes on the wire, or None where nothing is sent.
    `clause` is the rule, written as `FAPI2-SP 5.3.3.1-5` or `RFC 9207 2.4`. `facts` are log-safe
    strings (expected, got, claim); no token, code, key or other secret is ever among them.
    `outcome` is what has happened at the other side all the same, where the rest of its answer is refused: a
    `TokenSet` with the rotated refresh token, a `Registration`, an answer. Its repr shows no secret; it is not pickled.
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
        told = "".join(f"\n  {name}: {value}" for name, value in self.facts.items())
        self.add_note(f"What to do: {self.remedy}.{told}")  # in a traceback, below the message

    def __str__(self) -> str:
        return f"{self.message} [{self.clause}]" if self.clause else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """A pool of processes pickles what its worker raised; leaves have arguments that Exception knows nothing of."""
        members = {name: value for name, value in vars(self).items() if name != "outcome"}
        return _rebuilt, (type(self), self.args, {**members, "facts": dict(self.facts)})


def _rebuilt(kind: type[FapiError], args: tuple[Any, ...], members: dict[str, Any]) -> FapiError:
    error = kind.__new__(kind, *args)
    vars(error).update(members, facts=MappingProxyType(members["facts"]))
    return error


class ConfigurationError(FapiError):
    """Settings that contradict each other or cannot work; raised at construction, naming them."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class ForbiddenByProfile(ConfigurationError):
    """The chosen profile forbids what was configured or asked for."""


class TransportError(FapiError):
    """No usable answer came back. It proves nothing: a caller that needed it cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class Unreachable(TransportError):
    """The peer refused the connection, broke it, failed TLS or did not answer in time."""


class ResponseTooLarge(TransportError):
    """The body passed the cap set for this call."""


class UnexpectedRedirect(TransportError):
    """A back-channel endpoint answered with a redirect; none is ever followed."""

    clause = "RFC 9700 4.11"
    remedy = Remedy.TELL_THE_PEER


class InsecureUrl(TransportError):
    """A URL that is not https, outside loopback."""

    clause = "FAPI2-SP 5.2.1-1"
    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class UnusableAnswer(TransportError):
    """A server answered a question about its keys or about a token with something that settles nothing.

    It stands for what was wrong with that answer (the cause), so that a broken answer about a token is never
    taken for a broken token.
    """

    fault = Fault.PEER


class KeyUndecided(TransportError):
    """A `kid` that is not among the keys at hand, while the key set is not to be asked for again so soon.

    The peer may have a new key: whoever signed with it is told to come again, not that its JWT is wrong.
    """

    clause = "OIDC 10.1.1"


class DeadlineExceeded(TransportError):
    """Work shared with other callers did not finish in the time this caller could wait."""


class StoreError(FapiError):
    """A store could not do what was asked; whoever asked cannot decide."""

    fault = Fault.TRANSPORT
    remedy = Remedy.RETRY_LATER


class StoreFull(StoreError):
    """A bounded store holds only live entries and takes no more."""


class StoreUnavailable(StoreError):
    """The store did not answer."""


class StoreForgot(StoreError):
    """The store was emptied or replaced, and a mark that was lost might still matter: nothing is taken for the first.

    `retry_after`: so many seconds until none does.
    """

    def __init__(self, message: str, *, retry_after: float, facts: Mapping[str, object] = _NO_FACTS) -> None:
        super().__init__(message, facts={**facts, "retry_after": ceil(retry_after)})
        self.retry_after = retry_after


class UnfitStore(StoreError, ConfigurationError):
    """The store answers, and cannot keep what it is used for: it would evict, is a replica, or forgets at restart."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class UnreadableRecord(StoreError):
    """What lies in the store is not what was written there: another version's, somebody else's, or damaged."""

    fault = Fault.CONFIGURATION
    remedy = Remedy.FIX_CONFIGURATION


class SealBroken(StoreError):
    """A sealed value does not open: altered, cut short, or sealed under a key that is gone."""

    fault = Fault.PEER
    remedy = Remedy.SIGN_IN_AGAIN


class MessageError(FapiError):
    """A peer's HTTP message cannot be used."""


class MalformedMessage(MessageError):
    """A message breaks its own syntax: duplicates, wrong types, bad encoding, missing members."""

    code = "invalid_request"
    clause = "RFC 6749 3.1"


class UnexpectedStatus(MessageError):
    """A status the specification does not provide for here."""


_REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        "invalid_client": Remedy.FIX_CONFIGURATION,
        "invalid_dpop_proof": Remedy.FIX_CONFIGURATION,  # of what a proof says only the time is not ours alone
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
    """The peer answered with a well-formed OAuth error; `peer_code` is its code.

    `peer_description` is what it said beside it, and part of the message: printable, at most 200 characters, without
    what we sent it in secret.
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
    """An authorization server's metadata cannot be trusted or used."""


class IssuerMismatch(MetadataError):
    """The metadata's `issuer` is not the issuer it was asked of."""

    clause = "RFC 8414 3.3"


class MissingMetadata(MetadataError):
    """The metadata lacks a member that the profile or the request needs."""
