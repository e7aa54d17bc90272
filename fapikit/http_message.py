"""An HTTP request and response as plain values, and what an answer says: one JSON object, or why not.

Spec: RFC 6749 5.1, 5.2; RFC 9110 5.6.7, 8.3, 10.2.3, 15.3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from fapikit.errors import MalformedMessage, PeerRefused, Remedy, UnexpectedStatus
from fapikit.json_body import parse_json_body
from fapikit.members import LOG
from fapikit.peer_words import PeerWords, secrets_in, words_of
from fapikit.secrets import Concealed, Secret, conceal, revealed
from fapikit.tracebacks import bare
from fapikit.urls import without_query

Field: TypeAlias = tuple[str, str | Secret]
"""The name and value of a header or form field; a value that is secret may be concealed."""
Fields: TypeAlias = tuple[Field, ...]
Headers: TypeAlias = tuple[tuple[str, str], ...]

DEFAULT_TIMEOUT: Final = 10.0
DEFAULT_MAX_BYTES: Final = 512 * 1024
_HINTS: Final[Mapping[str, str]] = {
    "invalid_client": "does it know this client_id and this key, and is this clock right?",
    "invalid_dpop_proof": "is this clock right?",
    "invalid_target": "was this very resource asked for at the login, letter by letter?",
}
_TIMED: Final = frozenset({"invalid_client", "invalid_dpop_proof"})


@dataclass(frozen=True, slots=True, init=False)
class HttpRequest:
    """One request. `max_bytes` caps the response body.

    `timeout`: seconds for the whole exchange. In a thread a client that was given (`HttpSettings.client`) bounds each
    wait by it, and then the body as a whole.
    """

    method: str
    url: str
    _headers: Concealed[Headers]
    _body: Concealed[bytes]
    timeout: float
    max_bytes: int

    def __init__(
        self,
        method: str,
        url: str,
        headers: Fields = (),
        body: bytes | Concealed[bytes] = b"",
        timeout: float = DEFAULT_TIMEOUT,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        plain = Concealed(tuple((name, revealed(value)) for name, value in headers))
        _set(self, method=method, url=url, _headers=plain, _body=conceal(body), timeout=timeout)
        _set(self, max_bytes=max_bytes)

    @property
    def headers(self) -> Headers:
        return self._headers.reveal()

    @property
    def body(self) -> bytes:
        return self._body.reveal()

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {without_query(self.url)})"


@dataclass(frozen=True, slots=True, init=False)
class HttpResponse:
    """One response, body read in full. Header names compare without case. `request`: what it answers."""

    status: int
    headers: Headers
    _body: Concealed[bytes]
    url: str
    request: HttpRequest | None = field(repr=False, compare=False)

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes | Concealed[bytes],
        url: str,
        request: HttpRequest | None = None,
    ) -> None:
        _set(self, status=status, headers=headers, _body=conceal(body), url=url, request=request)

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def body(self) -> bytes:
        return self._body.reveal()

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The one value of a header, or None if it is absent or repeated."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    @property
    def media_type(self) -> str:
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    def __repr__(self) -> str:
        return f"HttpResponse({self.status} {without_query(self.url)})"


def _set(message: object, **members: object) -> None:
    for name, value in members.items():
        object.__setattr__(message, name, value)


def form_request(url: str, parameters: Iterable[Field], headers: Fields = (), **limits: Any) -> HttpRequest:
    """A POST of form parameters, in their order; repeated names stay repeated. JSON is asked for by default."""
    defaults: Fields = (("content-type", "application/x-www-form-urlencoded"),)
    if not any(name == "accept" for name, _ in headers):
        defaults += (("accept", "application/json"),)
    return HttpRequest(
        "POST",
        url,
        (*defaults, *headers),
        urlencode([(name, revealed(value)) for name, value in parameters]).encode("ascii"),
        **limits,
    )


def read_json_object(response: HttpResponse, *, clause: str, status: int = 200) -> Mapping[str, Any]:
    """The JSON object of a success answer. Its label, and which 2xx it is, decide nothing and are only logged.

    Raises PeerRefused for a well-formed OAuth error, UnexpectedStatus for any other answer than success,
    MalformedMessage if the body is not one strict JSON object: its `outcome` is then the answer itself.
    """
    if not response.success:
        raise read_refusal(response, clause=clause)
    where = without_query(response.url)
    if response.status != status:
        LOG.info("%s: %d in place of %d [%s]", where, response.status, status, clause)
    try:
        members, borne = parse_json_body(response.body, response.header("content-type"))
    except ValueError as error:
        coding = response.header("content-encoding")
        packed = f": it is compressed ({coding[:20]}), which was not asked for" if coding else ""
        malformed = MalformedMessage(
            f"{where} answered with a body that is not one JSON object{packed}", clause=clause
        )
        malformed.outcome = response
        raise malformed from bare(error)
    for line in borne:
        LOG.info("%s: %s [%s]", where, line, clause)
    return members


def read_refusal(
    response: HttpResponse, *, clause: str, remedy: Remedy | None = None
) -> PeerRefused | UnexpectedStatus:
    """The error that an answer other than success stands for; `remedy` where it does not follow from the code.

    The peer's own words are part of its message.
    """
    words = words_in(response)
    if words.code is not None and 400 <= response.status < 500:
        return refused(response, words, clause=clause, remedy=remedy)
    says = f" and says {words}" if words else ""
    return UnexpectedStatus(
        f"{without_query(response.url)} answered {response.status}{says}",
        clause=clause,
        remedy=remedy or (Remedy.RETRY_LATER if response.status >= 500 else None),
        facts={"status": response.status},
    )


def refused(
    response: HttpResponse,
    words: PeerWords,
    *,
    clause: str,
    remedy: Remedy | None = None,
    hint: str | None = None,
) -> PeerRefused:
    """The error for an OAuth error that an answer tells, in its body or elsewhere, under whatever status."""
    code = words.code or ""
    said = f', "{words.description}"' if words.description else ""
    hint = hint or _HINTS.get(code)
    return PeerRefused(
        f"{without_query(response.url)} refused: {code}{said}" + ("" if hint is None else f" ({hint})"),
        peer_code=code,
        status=response.status,
        clause=clause,
        peer_description=words.description,
        remedy=remedy,
        facts={"server_date": response.header("date") or "not told"} if code in _TIMED else {},
    )


def refuse_told_error(response: HttpResponse, *, clause: str) -> None:
    """For an answer that lacks what makes it a success: raise PeerRefused if it tells an OAuth error in its place."""
    words = words_in(response)
    if words.code is not None:
        raise refused(response, words, clause=clause)


def words_in(response: HttpResponse) -> PeerWords:
    """What the body of a refusal says, whatever it is labelled."""
    try:
        members, _ = parse_json_body(response.body, response.header("content-type"))
    except ValueError:
        return PeerWords()
    sent = response.request
    return words_of(members, hidden=() if sent is None else secrets_in(sent.headers, sent.body))


def read_retry_after(response: HttpResponse, now: float) -> float | None:
    """Seconds from now that the server asks to be left alone for: a number, or a date in any of its three forms."""
    value = response.header("retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    date = read_http_date(value)
    return None if date is None else max(date.timestamp() - now, 0.0)


def read_http_date(value: str) -> datetime | None:
    """A date in any of the three forms of RFC 9110 5.6.7, in its zone; None for anything else."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # asctime's form names no zone, and means GMT as the others do
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
