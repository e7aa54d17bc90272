"""Checking a DPoP proof: the steps of RFC 9449 4.3, the replay mark last.

`check_proof` is pure; `remember_proof` then marks the `jti` as used, atomically, in a store that all workers share.

Spec: RFC 9449 4.3, 8, 11.1, 11.3; FAPI2-SP 5.3.2.1-13 (RS-11, RS-12)
Role: AS, RS
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from fapikit.dpop.htu import normalise
from fapikit.dpop.make import access_token_hash
from fapikit.dpop.nonce import NonceIssuer
from fapikit.dpop.proof_keys import ProofKey, ProofKeys
from fapikit.errors import (
    BadSignature,
    MalformedClaim,
    MalformedJwt,
    ManyProofs,
    MissingClaim,
    MissingProof,
    NonceRequired,
    ReplayedProof,
    StaleProof,
    UnusableKey,
    WrongMethod,
    WrongProofKey,
    WrongTokenHash,
    WrongUrl,
)
from fapikit.flow import Flow, store_add
from fapikit.jose.algorithms import ALGORITHMS
from fapikit.jose.claims import number
from fapikit.jose.parse import Header, read_header, read_object, read_signature, split_jws
from fapikit.jose.public_key import import_material, is_for, required_members, thumbprint_of
from fapikit.jose.purposes import DPOP_PROOF
from fapikit.stores.protocol import Store
from fapikit.urls import without_query

MAX_AGE: Final = 60.0
MAX_AHEAD: Final = 30.0
_MAX_JTI: Final = 256
_MARGIN: Final = 5.0
"""How much longer a replay mark lives than its proof: the store's clock may run ahead of ours."""
MARK_LIFETIME: Final = MAX_AGE + _MARGIN
"""Of the mark of a proof that is used as soon as it is made."""
_new: Final = tuple.__new__  # a NamedTuple's own constructor costs twice as much


class CheckedProof(NamedTuple):
    """A proof that holds. `jkt` is its key's thumbprint; `usable_until` when it can no longer be replayed."""

    jkt: str
    jti: str
    usable_until: float


def check_proof(
    proofs: Sequence[str],
    *,
    method: str,
    urls: Collection[str],
    now: float,
    algorithms: Collection[str],
    access_token: str | None = None,
    ath: str | None = None,
    bound_to: str | None = None,
    nonces: NonceIssuer | None = None,
    known: ProofKeys | None = None,
) -> CheckedProof:
    """Check the values of the DPoP header of one request.

    `urls`: the URLs this request may be known by, normalised (`htu.normalise`). `access_token`: the one beside the
    proof, at a resource; `ath`: its hash, where that is known already. `bound_to`: the thumbprint that the token, code
    or request is bound to. `nonces`: given, a proof without a good nonce is refused with NonceRequired (RFC 9449 11.3).
    `known`: keys of proofs that passed before, always with the same `algorithms`.

    Raises a DPoPError or, for what is wrong with the JWT itself, a JwtError; each carries its wire code.
    """
    if not proofs:
        raise MissingProof("this request needs a DPoP proof")
    if len(proofs) > 1 or "," in proofs[0]:
        raise ManyProofs("a request carries exactly one DPoP proof")
    segment, key, claims = _read(proofs[0], algorithms, known)
    jti = _string(claims, "jti")
    if not 0 < len(jti) <= _MAX_JTI:
        raise DPOP_PROOF.fail(MalformedClaim, "jti is empty or too long", about="jti", facts={"claim": "jti"})
    if claims.get("htm") != method:
        _string(claims, "htm")
        raise WrongMethod(
            "htm is not this request's method", facts={"expected": method, "got": claims["htm"][:20]}
        )
    htu = _string(claims, "htu")
    if htu not in urls and normalise(htu) not in urls:
        raise WrongUrl(
            "htu is not this request's URL",
            facts={"expected": " ".join(sorted(urls)), "got": without_query(htu)},
        )
    usable_until = _check_time(claims, now)
    if nonces is not None:
        _check_nonce(claims, nonces, now)
    wanted = access_token_hash(access_token) if access_token is not None else ath
    if wanted is not None and not _same(_string(claims, "ath"), wanted):
        raise WrongTokenHash("ath is not the hash of this access token")
    if bound_to is not None and bound_to != key.thumbprint:
        raise WrongProofKey("the proof is signed with another key than the one that is bound")
    if known is not None and known.find(segment) is None:
        known.remember(segment, key, now)
    return _new(CheckedProof, (key.thumbprint, jti, usable_until))


def _read(
    proof: str, algorithms: Collection[str], known: ProofKeys | None
) -> tuple[str, ProofKey, Mapping[str, Any]]:
    """The header segment, the key and the claims, whose signature holds."""
    head, body, tail = split_jws(proof, DPOP_PROOF)
    key = None if known is None else known.find(head)
    if key is None:
        key = _embedded_key(read_header(head, DPOP_PROOF, algorithms))
    claims = read_object(body, DPOP_PROOF, "payload")
    if not key.verify(read_signature(tail, DPOP_PROOF), f"{head}.{body}".encode("ascii")):
        raise DPOP_PROOF.fail(
            BadSignature, "the signature of this DPoP proof does not verify", about="signature"
        )
    return head, key, claims


def replay_mark(proof: CheckedProof, *, now: float, scope: str = "") -> tuple[str, float]:
    """The store key under which a proof is marked as used, and for how long."""
    digest = hashlib.sha256(f"{scope}\0{proof.jkt}\0{proof.jti}".encode()).hexdigest()
    left = proof.usable_until - now
    return f"dpop:{digest}", left + _MARGIN if left > 0 else _MARGIN


def remember_proof(store: Store, proof: CheckedProof, *, now: float, scope: str = "") -> Flow[None]:
    """Mark the proof as used, until it could no longer be replayed anyway.

    `scope` keeps servers apart that share a store. Raises ReplayedProof; StoreError if that cannot be known.
    """
    key, ttl = replay_mark(proof, now=now, scope=scope)
    if not (yield from store_add(store, key, b"1", ttl)):
        raise ReplayedProof("this DPoP proof was used before")


def _embedded_key(header: Header) -> ProofKey:
    """What `use`, `key_ops` and `kid` of a key say that is only good for the proof it comes in plays no part."""
    jwk = header.members.get("jwk")
    if not isinstance(jwk, dict):
        raise DPOP_PROOF.fail(MalformedJwt, "a DPoP proof has a public jwk in its header")
    alg = header.alg
    try:
        members = required_members(jwk)
        if not is_for(alg, members["kty"], members.get("crv"), jwk.get("alg")):
            raise UnusableKey(f"the key in the proof is not for {alg}", clause="RFC 8725 3.1")
        material = import_material(members)
        return ProofKey(thumbprint_of(members), ALGORITHMS[alg].verifier(material))
    except UnusableKey as error:
        raise DPOP_PROOF.fail(UnusableKey, error.message, clause=error.clause) from error


def _same(found: str, wanted: str) -> bool:
    return found.isascii() and compare_digest(found, wanted)


def _string(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        raise DPOP_PROOF.fail(MissingClaim, f"the proof has no {name}", about=name, facts={"claim": name})
    raise DPOP_PROOF.fail(MalformedClaim, f"{name} is not a string", about=name, facts={"claim": name})


def _check_time(claims: Mapping[str, Any], now: float) -> float:
    """Returns when the proof stops being acceptable."""
    iat: float | None = claims.get("iat")
    if type(iat) is not int:
        iat = number(claims, "iat", DPOP_PROOF)
        if iat is None:
            raise DPOP_PROOF.fail(MissingClaim, "the proof has no iat", about="iat", facts={"claim": "iat"})
    if not -MAX_AHEAD <= now - iat <= MAX_AGE:
        raise StaleProof("iat lies outside the window: is a clock wrong?", facts={"age": int(now - iat)})
    if "nbf" in claims or "exp" in claims:  # no claims of a proof, but they mean what they say
        nbf, exp = number(claims, "nbf", DPOP_PROOF), number(claims, "exp", DPOP_PROOF)
        if nbf is not None and nbf - now > MAX_AHEAD:
            raise StaleProof("nbf lies in the future", facts={"ahead": int(nbf - now)})
        if exp is not None and now - exp > MAX_AHEAD:
            raise StaleProof("the proof has expired", facts={"ago": int(now - exp)})
    return iat + MAX_AGE


def _check_nonce(claims: Mapping[str, Any], nonces: NonceIssuer, now: float) -> None:
    nonce = claims.get("nonce")
    if isinstance(nonce, str) and nonces.accepts(nonce, now):
        return
    sent = ("too old" if nonces.made(nonce) else "another's") if isinstance(nonce, str) else "none"
    raise NonceRequired("the proof needs a current nonce of this server", nonce=nonces.issue(now), sent=sent)
