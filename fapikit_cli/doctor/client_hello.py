"""Asks a TLS server what it would agree to, up to TLS 1.2, with a hello of our own.

Python's TLS library cannot offer what is broken (SSL 3, RC4, export suites), and the system may forbid it to offer TLS
1.0. So the hello is written here, and nothing but the first answer is read: no key is agreed upon, no data are sent.

Spec: RFC 9325 3.1.1, 4.1
Role: C
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import Final, NamedTuple

VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2"}
_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_GROUPS: Final = (29, 23, 24, 25, 256, 257)  # x25519, P-256, P-384, P-521, ffdhe2048, ffdhe3072
_SIGNATURES: Final = (
    *(0x0403, 0x0503, 0x0603),  # ECDSA
    *(0x0804, 0x0805, 0x0806, 0x0807),  # RSA-PSS, Ed25519
    *(0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0202),  # PKCS #1, and SHA-1, which only old servers take
)
_RECORD_HEAD: Final = 5
_BEFORE_SESSION: Final = 4 + 2 + 32 + 1


class Agreed(NamedTuple):
    """What the server chose."""

    version: int
    suite: int


def ask(address: tuple[str, int], version: int, suites: Sequence[int], *, timeout: float) -> Agreed | None:
    """What the server chooses if it is offered this version at most, and these suites. None if it refuses.

    Raises OSError if it cannot be reached or does not answer in time.
    """
    with socket.create_connection(address, timeout) as connection:
        try:
            connection.sendall(_hello(address[0], version, suites))
            if _exactly(connection, _RECORD_HEAD)[0] != _HANDSHAKE:
                return None  # an alert
            hello = _exactly(connection, _BEFORE_SESSION)
            if hello[0] != _SERVER_HELLO:
                return None
            session = _exactly(connection, hello[-1] + 2)
        except (EOFError, ConnectionError):
            return None
    return Agreed(int.from_bytes(hello[4:6], "big"), int.from_bytes(session[-2:], "big"))


def _hello(host: str, version: int, suites: Sequence[int]) -> bytes:
    body = version.to_bytes(2, "big") + os.urandom(32) + b"\0"
    body += _sized(_words(suites), 2) + b"\x01\0"
    if version > 0x0300:
        body += _sized(b"".join(_extensions(host)), 2)
    message = bytes([_CLIENT_HELLO]) + _sized(body, 3)
    return bytes([_HANDSHAKE]) + min(version, 0x0301).to_bytes(2, "big") + _sized(message, 2)


def _extensions(host: str) -> list[bytes]:
    found = [
        _extension(10, _sized(_words(_GROUPS), 2)),
        _extension(11, b"\x01\0"),
        _extension(13, _sized(_words(_SIGNATURES), 2)),
        _extension(23, b""),
        _extension(0xFF01, b"\0"),
    ]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        found.insert(0, _extension(0, _sized(b"\0" + _sized(host.encode("idna"), 2), 2)))
    return found


def _extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2, "big") + _sized(content, 2)


def _words(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _sized(content: bytes, octets: int) -> bytes:
    return len(content).to_bytes(octets, "big") + content


def _exactly(connection: socket.socket, octets: int) -> bytes:
    """Raises EOFError if the other side closes earlier."""
    read = b""
    while len(read) < octets:
        more = connection.recv(octets - len(read))
        if not more:
            raise EOFError
        read += more
    return read
