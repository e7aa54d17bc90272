"""What Mallory does who listens to a wire: he records the octets of each connection, and reads them with a stolen key.

That works where the key exchange of TLS 1.2 has no forward secrecy: the client encrypts a secret for the RSA key of the
server, and all keys of the connection follow from it. Only the cipher suite AES128-GCM-SHA256 is read here.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUITE: Final = "AES128-GCM-SHA256"
_CHANGE_CIPHER_SPEC, _HANDSHAKE, _DATA = 20, 22, 23
_CLIENT_HELLO, _SERVER_HELLO, _NEW_SESSION_TICKET, _CLIENT_KEY_EXCHANGE = 1, 2, 4, 16
_EXTENDED_MASTER_SECRET: Final = bytes.fromhex("00170000")


class Recorded:
    """Both directions of one connection."""

    def __init__(self) -> None:
        self.sent, self.received = bytearray(), bytearray()


@contextmanager
def tapped(listening: socket.socket, server: tuple[str, int]) -> Iterator[list[Recorded]]:
    """During the block, what connects to `listening` talks to the server. Yields what passed, by connection."""
    recorded: list[Recorded] = []
    open_ones: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                kept += octets
                target.sendall(octets)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):  # the block is over
            while True:
                client, _ = listening.accept()
                beyond = socket.create_connection(server)
                open_ones.extend((client, beyond))
                recorded.append(Recorded())
                for way in ((client, beyond, recorded[-1].sent), (beyond, client, recorded[-1].received)):
                    threading.Thread(target=carry, args=way, daemon=True).start()

    listening.listen()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield recorded
    finally:
        for one in (listening, *open_ones):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def read(recorded: Recorded, key: rsa.RSAPrivateKey) -> bytes:
    """What the server has said in this connection, in clear. `key`: the private key of the server."""
    sent, received = _records(recorded.sent), _records(recorded.received)
    messages = dict(_messages(sent))
    answers = dict(_messages(received))
    if _CLIENT_KEY_EXCHANGE not in messages:
        return b""  # no connection came about
    hello, answer, exchange = messages[_CLIENT_HELLO], answers[_SERVER_HELLO], messages[_CLIENT_KEY_EXCHANGE]
    client_random, server_random = hello[6:38], answer[6:38]
    secret = key.decrypt(exchange[6:], padding.PKCS1v15())
    if _EXTENDED_MASTER_SECRET in answer:
        answers.pop(_NEW_SESSION_TICKET, None)  # it comes after the exchange
        handshake = b"".join((hello, *answers.values(), exchange))
        seed = b"extended master secret" + hashlib.sha256(handshake).digest()
    else:
        seed = b"master secret" + client_random + server_random
    master = _prf(secret, seed, 48)
    keys = _prf(master, b"key expansion" + server_random + client_random, 40)
    return b"".join(_decrypted(received, keys[16:32], keys[36:40]))


class _Record(NamedTuple):
    kind: int
    head: bytes
    content: bytes


def _records(octets: bytes | bytearray) -> list[_Record]:
    found, rest = [], bytes(octets)
    while rest:
        end = 5 + int.from_bytes(rest[3:5])
        found.append(_Record(rest[0], rest[:3], rest[5:end]))
        rest = rest[end:]
    return found


def _messages(records: list[_Record]) -> Iterator[tuple[int, bytes]]:
    """The handshake messages that are in clear, with their kinds."""
    octets = b""
    for record in records:
        if record.kind == _CHANGE_CIPHER_SPEC:
            break
        octets += record.content if record.kind == _HANDSHAKE else b""
    while octets:
        end = 4 + int.from_bytes(octets[1:4])
        yield octets[0], octets[:end]
        octets = octets[end:]


def _decrypted(records: list[_Record], key: bytes, salt: bytes) -> Iterator[bytes]:
    """The data in the records after the change to the new keys (RFC 5288 3)."""
    kinds = [record.kind for record in records]
    for number, record in enumerate(records[kinds.index(_CHANGE_CIPHER_SPEC) + 1 :]):
        nonce, content = record.content[:8], record.content[8:]
        about = number.to_bytes(8) + record.head + (len(content) - 16).to_bytes(2)
        if record.kind == _DATA:
            yield AESGCM(key).decrypt(salt + nonce, content, about)


def _prf(secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 5, with SHA-256. `seed`: with its label."""
    result, turn = b"", seed
    while len(result) < length:
        turn = hmac.digest(secret, turn, "sha256")
        result += hmac.digest(secret, turn + seed, "sha256")
    return result[:length]
