"""An HTTP request and response as plain values, and the reading of a response: one JSON object, or an error.

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
from fapikit.peer_words import PeerWords, known_in, secrets_in, words_in_text, words_of
from fapikit.secrets import Concealed, Secret, conceal, revealed
from fapikit.tracebacks import bare
from fapikit.urls import without_query
from fapikit.www_authenticate import parse_challenges

Field: TypeAlias = tuple[str, str | Secret]
"""The name and value of a header or form field. A secret value may be concealed."""
Fields: TypeAlias = tuple[Field, ...]
Headers: TypeAlias = tuple[tuple[str, str], ...]

DEFAULT_TIMEOUT: Final = 10.0
DEFAULT_MAX_BYTES: Final = 512 * 1024
_HINTS: Final[Mapping[str, str]] = {
    "invalid_client": "check that client_id and key are registered there, and that the clock here is right",
    "invalid_dpop_proof": "check that the clock here is right, and that sender_constraint= is as registered there",
    "invalid_request_object": "check that the key that signs requests is registered there, and that the clock is right",
    "invalid_target": "check that the login requested exactly this resource, letter by letter",
}
_TIMED: Final = frozenset({"invalid_client", "invalid_dpop_proof"})


@dataclass(frozen=True, slots=True, init=False)
class HttpRequest:
    """One request. `max_bytes` is the limit for the response body.

    `timeout`: seconds for the whole exchange. The sync driver with a given client (`HttpSettings.client`) applies it to
    each wait, and then to the body as a whole.
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
    """One response with its whole body. The case of header names is ignored. `request`: the request it answers."""

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
        """The value of a header, or None if the header is absent or repeated."""
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
    """A POST of form parameters, in this order. Repeated names stay repeated. `accept` is JSON by default."""
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
    """The JSON object of a successful response. A wrong media type or another 2xx status is only logged.

    Raises PeerRefused for a well-formed OAuth error, and for one in a form under a success; UnexpectedStatus for any
    other response that is no success;
    MalformedMessage if the body is not one strict JSON object, with the response as its `outcome`.
    """
    if not response.success:
        raise read_refusal(response, clause=clause)
    where = without_query(response.url)
    if response.status != status:
        LOG.info("%s: status %d instead of %d [%s]", where, response.status, status, clause)
    try:
        members, borne = parse_json_body(response.body, response.header("content-type"))
    except ValueError as error:
        raise_error_in_body(response, clause=clause)
        coding = response.header("content-encoding")
        packed = f": it is compressed ({coding[:20]}) without being asked" if coding else ""
        malformed = MalformedMessage(
            f"the body of the response of {where} is not one JSON object{packed}", clause=clause
        )
        malformed.outcome = response
        raise malformed from bare(error)
    for line in borne:
        LOG.info("%s: %s [%s]", where, line, clause)
    return members


def read_refusal(
    response: HttpResponse, *, clause: str, remedy: Remedy | None = None
) -> PeerRefused | UnexpectedStatus:
    """The error for a response that is no success. `remedy`: the remedy, if it does not follow from the error code.

    `error` and `error_description` of the peer are part of its message. They come from the body, or otherwise from a
    challenge in WWW-Authenticate.
    """
    words = words_in(response)
    if words.code is None:
        words = _words_in_challenge(response) or words
    if words.code is not None and 400 <= response.status < 500:
        return refused(response, words, clause=clause, remedy=remedy)
    quoted = f": {words}" if words else ""
    return UnexpectedStatus(
        f"{without_query(response.url)} answered with status {response.status}{quoted}",
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
    """The error for a response with an OAuth error, in its body or in a header, with any status."""
    code = words.code or ""
    quoted = f', "{words.description}"' if words.description else ""
    hint = hint or _HINTS.get(code)
    return PeerRefused(
        f"{without_query(response.url)} refused: {code}{quoted}" + ("" if hint is None else f" ({hint})"),
        peer_code=code,
        status=response.status,
        clause=clause,
        peer_description=words.description,
        remedy=remedy,
        facts={"server_date": response.header("date") or "none"} if code in _TIMED else {},
    )


def raise_error_in_body(response: HttpResponse, *, clause: str) -> None:
    """Raise PeerRefused if a response with a 2xx status has an OAuth error in its body."""
    words = words_in(response)
    if words.code is not None:
        raise refused(response, words, clause=clause)


def words_in(response: HttpResponse) -> PeerWords:
    """`error` and `error_description` in the body of a response, as JSON or as a form, whatever its media type.

    Of a page or another text, the first words that people see are the description.
    """
    hidden, known = _hidden_from(response), _known_in(response)
    try:
        members, _ = parse_json_body(response.body, response.header("content-type"))
    except ValueError:
        return words_in_text(response.body, hidden=hidden, known=known)
    return words_of(members, hidden=hidden, known=known)


def _words_in_challenge(response: HttpResponse) -> PeerWords:
    """The words of the first challenge with an error; none if the header is malformed."""
    try:
        challenges = parse_challenges(response.all("www-authenticate"))
    except MalformedMessage:
        return PeerWords()
    found = (words_of_challenge(challenge.parameters, response) for challenge in challenges)
    return next((words for words in found if words.code is not None), PeerWords())


def words_of_challenge(parameters: Mapping[str, str], response: HttpResponse) -> PeerWords:
    """`error` and `error_description` among the parameters of a challenge in this response."""
    named = {name: parameters.get(name) for name in ("error", "error_description")}
    return words_of(named, hidden=_hidden_from(response), known=_known_in(response))


def _hidden_from(response: HttpResponse) -> tuple[str, ...]:
    sent = response.request
    return () if sent is None else tuple(secrets_in(sent.headers, sent.body))


def _known_in(response: HttpResponse) -> frozenset[str]:
    sent = response.request
    return frozenset() if sent is None else frozenset(known_in(sent.headers, sent.body))


def read_retry_after(response: HttpResponse, now: float) -> float | None:
    """The seconds to wait, from Retry-After: a number, or a date in any of its three formats. None without it."""
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
    # The asctime format has no time zone: it means GMT, like the others.
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
