"""The DPoP nonces of a server. They are stateless, so every worker and host with the key accepts them.

A nonce is the time at which it was made, with a MAC. It is valid for `lifetime` seconds, and each response has a new
one. Keys can be rotated: nonces of the previous key stay valid until they expire.

Spec: FAPI2-SP 5.4.1-4; RFC 9449 8, 9, 11.3
Role: AS, RS
"""

from __future__ import annotations

import hmac
import struct

from fapikit import base64url
from fapikit.clock import RandomBytes
from fapikit.errors import ConfigurationError
from fapikit.forks import reset_after_fork

_STAMP = struct.Struct(">I")
_MAC_OCTETS = 16
_KEY_OCTETS = 32
_MAX_PROVEN = 64


class NonceIssuer:
    """`keys`: the newest first, each with 32 octets or more, the same in all workers. `lifetime`, `step`: in seconds.

    Raises ConfigurationError for a key that is too short, and for a `step` that is not shorter than `lifetime`.
    """

    def __init__(self, keys: tuple[bytes, ...], *, lifetime: float = 300.0, step: float = 15.0) -> None:
        if not keys or min(len(key) for key in keys) < _KEY_OCTETS:
            raise ConfigurationError(
                "a key for DPoP nonces is too short or missing: give keys of 32 octets or more",
                clause="RFC 6749 10.10",
            )
        if not 0 < step < lifetime:
            raise ConfigurationError("the step of DPoP nonces must be shorter than their lifetime")
        self._keys = keys
        self._lifetime = lifetime
        self._step = step
        self._issued = (-1, "")
        self._proven: dict[str, int] = {}

    def issue(self, now: float) -> str:
        """The nonce to send now. It is the same for all responses within one `step`."""
        made, nonce = self._issued
        current = int(now // self._step * self._step)
        if made != current:
            stamp = _STAMP.pack(current)
            nonce = base64url.encode(stamp + self._mac(self._keys[0], stamp))
            self._issued = current, nonce
        return nonce

    def accepts(self, nonce: str, now: float) -> bool:
        """Whether the nonce was made with one of the keys, at most `lifetime` ago."""
        made = self._proven.get(nonce)
        if made is None:
            made = self._prove(nonce)
        return made is not None and -self._step <= now - made <= self._lifetime

    def made(self, nonce: str) -> bool:
        """Whether the nonce was made with one of the keys, at any time."""
        return self._prove(nonce) is not None

    def _prove(self, nonce: str) -> int | None:
        """When the nonce was made, or None. All clients send the same few nonces, so the valid ones are cached."""
        try:
            octets = base64url.decode(nonce)
        except ValueError:
            return None
        if len(octets) != _STAMP.size + _MAC_OCTETS:
            return None
        stamp, mac = octets[: _STAMP.size], octets[_STAMP.size :]
        if not any(hmac.compare_digest(mac, self._mac(key, stamp)) for key in self._keys):
            return None
        made: int = _STAMP.unpack(stamp)[0]
        if len(self._proven) >= _MAX_PROVEN:
            self._proven = {}
        self._proven[nonce] = made
        return made

    def __repr__(self) -> str:
        return f"NonceIssuer({len(self._keys)} keys, {self._lifetime:.0f} s)"

    @staticmethod
    def _mac(key: bytes, stamp: bytes) -> bytes:
        return hmac.digest(key, b"dpop-nonce" + stamp, "sha256")[:_MAC_OCTETS]


class ProcessNonceIssuer(NonceIssuer):
    """A NonceIssuer with a key of this process alone: a forked child makes its own key.

    If the replay marks are in the memory of one process, a proof is so accepted by that process only.
    """

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        super().__init__((random_bytes(_KEY_OCTETS),))
        reset_after_fork(self)

    def after_fork(self) -> None:
        self._keys = (self._random_bytes(_KEY_OCTETS),)
        self._issued, self._proven = (-1, ""), {}
