"""An HTTP request and response as plain values, and the strict reading of JSON answers.

Spec: RFC 6749 5.1, 5.2; RFC 9110
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from fapikit import strict_json
from fapikit.errors import MalformedMessage, PeerRefused, Remedy, UnexpectedStatus
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
    """One response, body read in full. Header names compare without case."""

    status: int
    headers: Headers
    _body: Concealed[bytes]
    url: str

    def __init__(self, status: int, headers: Headers, body: bytes | Concealed[bytes], url: str) -> None:
        _set(self, status=status, headers=headers, _body=conceal(body), url=url)

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


def read_json_object(response: HttpResponse, *, status: int = 200, clause: str) -> Mapping[str, Any]:
    """The JSON object of a success answer.

    Raises PeerRefused for a well-formed OAuth error, UnexpectedStatus for any other status than `status`,
    MalformedMessage if the body is not one strict JSON object.
    """
    if response.status != status:
        raise read_refusal(response, clause=clause)
    try:
        return strict_json.parse_object(response.body)
    except ValueError as error:
        raise MalformedMessage(
            f"{without_query(response.url)} answered with a body that is not one JSON object", clause=clause
        ) from bare(error)


def read_refusal(
    response: HttpResponse, *, clause: str, remedy: Remedy | None = None
) -> PeerRefused | UnexpectedStatus:
    """The error that an answer other than success stands for; `remedy` where it does not follow from the code."""
    where = without_query(response.url)
    if 400 <= response.status < 500 and response.media_type == "application/json":
        try:
            members = strict_json.parse_object(response.body)
        except ValueError:
            members = {}
        code, description = members.get("error"), members.get("error_description")
        if isinstance(code, str) and is_error_code(code):
            said = description[:500] if isinstance(description, str) and description.isprintable() else None
            hint = _HINTS.get(code)
            return PeerRefused(
                f"{where} refused: {code}" + ("" if hint is None else f" ({hint})"),
                peer_code=code,
                status=response.status,
                clause=clause,
                peer_description=said,
                remedy=remedy,
                facts={"server_date": response.header("date") or "not told"} if code in _TIMED else {},
            )
    return UnexpectedStatus(
        f"{where} answered {response.status}",
        clause=clause,
        remedy=Remedy.RETRY_LATER if response.status >= 500 else None,
        facts={"status": response.status},
    )


def is_error_code(text: str) -> bool:
    """Whether a string has the characters RFC 6749 5.2 allows in `error`."""
    return 0 < len(text) <= 100 and all(0x20 <= ord(c) <= 0x7E and c not in '"\\' for c in text)
