"""Reads the whole body of a WSGI request before the application does, and then gives it to the application.

For every check that needs the octets of the body: a signature over them, a digest, a body that is a signed JWT.

    body = read_whole_body(environ, BodyBudget())   # the environ then has it once more, for the application
    ...                                             # judge the octets; the refusals of the budget are RequestRefused
    put_body(environ, other_octets)                 # for another body

Role: RS
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from rskit.policy.body_budget import BodyBudget, cut_short, declared_length
from wsgi_mw.view import Environ

_CHUNK: Final = 64 * 1024


def read_whole_body(environ: Environ, budget: BodyBudget) -> bytes:
    """The body. Raises BodyTooLarge (before anything is read if the length is announced), BodyCutShort."""
    length = declared_length(environ.get("CONTENT_LENGTH"))
    if length is None and not environ.get("wsgi.input_terminated"):
        body = b""  # PEP 3333: without a length there is no body, unless the server ends the input itself
    else:
        budget.require(length or 0)
        body = _read(environ["wsgi.input"], budget.octets + 1 if length is None else length)
        budget.require(len(body))
        if length is not None and len(body) < length:
            raise cut_short()
    put_body(environ, body)
    return body


def put_body(environ: Environ, body: bytes) -> None:
    """Let the application read this body."""
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input_terminated"] = True
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _read(stream: Any, octets: int) -> bytes:
    """At most so many octets: one read may return fewer than there are."""
    chunks = []
    while octets > 0:
        chunk: bytes = stream.read(min(octets, _CHUNK))
        if not chunk:
            break
        chunks.append(chunk)
        octets -= len(chunk)
    return b"".join(chunks)
