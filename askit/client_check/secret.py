"""client_secret_basic and client_secret_post: the secret itself, compared in constant time.

Spec: RFC 6749 2.3.1; RFC 7617 2
Role: AS
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_plus

from starlette.requests import Request

from askit.clients.client import Client
from askit.core import Core
from askit.errors import InvalidClient
from fapikit.parameters import Parameters


def read_basic(request: Request) -> tuple[str, str]:
    """Id and secret, each form-url-decoded, separated by exactly one colon. Raises InvalidClient."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient("the Authorization header must hold Basic credentials") from error
    client_id, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon or ":" in secret or not client_id:
        raise InvalidClient("the Authorization header must hold Basic credentials")
    return unquote_plus(client_id), unquote_plus(secret)


def basic_client_id(request: Request) -> str:
    return read_basic(request)[0]


async def check_basic(_server: Core, request: Request, _parameters: Parameters, client: Client) -> None:
    """Raises InvalidClient."""
    _compare(client, read_basic(request)[1])


async def check_post(_server: Core, _request: Request, parameters: Parameters, client: Client) -> None:
    """Raises InvalidClient."""
    _compare(client, parameters.get("client_secret", ""))


def _compare(client: Client, secret: str) -> None:
    if client.secret is None or not client.secret.matches(secret):
        raise InvalidClient("the client secret is wrong", facts={"client_id": client.client_id})
