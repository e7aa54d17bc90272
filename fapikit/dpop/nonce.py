"""Nonces that a server demands in proofs: stateless, so that every worker and host with the key accepts them.

A nonce is the time it was made and a MAC over it; it lives at most `lifetime` seconds, and a fresh one is handed out
with each answer. Keys rotate: nonces of the previous key stay good until they expire.

Spec: RFC 9449 8, 9, 11.3
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


class NonceIssuer:
    """`keys`: the newest first, 32 octets or more each, shared by all workers. `lifetime` in seconds."""

    def __init__(self, keys: tuple[bytes, ...], *, lifetime: float = 300.0, step: float = 15.0) -> None:
        if not keys or min(len(key) for key in keys) < 32:
            raise ConfigurationError("DPoP nonce keys have 32 octets or more", clause="FAPI2-SP 5.4.1-4")
        if not 0 < step < lifetime:
            raise ConfigurationError("the step of DPoP nonces must be shorter than their lifetime")
        self._keys = keys
        self._lifetime = lifetime
        self._step = step

    def issue(self, now: float) -> str:
        """The nonce to send now; the same for all answers within one `step`."""
        stamp = _STAMP.pack(int(now // self._step * self._step))
        return base64url.encode(stamp + self._mac(self._keys[0], stamp))

    def accepts(self, nonce: str, now: float) -> bool:
        """Whether one of the keys made it, no longer than `lifetime` ago."""
        try:
            octets = base64url.decode(nonce)
        except ValueError:
            return False
        if len(octets) != _STAMP.size + _MAC_OCTETS:
            return False
        stamp, mac = octets[: _STAMP.size], octets[_STAMP.size :]
        made: int = _STAMP.unpack(stamp)[0]
        if not -self._step <= now - made <= self._lifetime:
            return False
        return any(hmac.compare_digest(mac, self._mac(key, stamp)) for key in self._keys)

    def __repr__(self) -> str:
        return f"NonceIssuer({len(self._keys)} keys, {self._lifetime:.0f} s)"

    @staticmethod
    def _mac(key: bytes, stamp: bytes) -> bytes:
        return hmac.digest(key, b"dpop-nonce" + stamp, "sha256")[:_MAC_OCTETS]


class ProcessNonceIssuer(NonceIssuer):
    """One whose key no other process knows: a forked child makes its own.

    So where replay marks live in one process's memory, a proof is good in that process only.
    """

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        super().__init__((random_bytes(_KEY_OCTETS),))
        reset_after_fork(self)

    def after_fork(self) -> None:
        self._keys = (self._random_bytes(_KEY_OCTETS),)
