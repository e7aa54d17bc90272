"""The checks of a DPoP proof: the steps of RFC 9449 4.3, with the replay check last.

`check_proof` does no I/O. `remember_proof` then marks the `jti` as used, atomically, in a store that all workers share.

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
"""In seconds: how much longer a replay mark lives than its proof. The clock of the store may be ahead of ours."""
MARK_LIFETIME: Final = MAX_AGE + _MARGIN
"""The lifetime of the replay mark of a proof that is used as soon as it is made."""
_NOTHING_HASHED: Final = hashlib.sha256()  # a copy costs less than a new one
_new: Final = tuple.__new__  # the constructor of a NamedTuple takes twice as long


class CheckedProof(NamedTuple):
    """A valid proof. `jkt`: the thumbprint of its key. `usable_until`: after this time it cannot be replayed."""

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

    `urls`: the URLs of this request that are accepted as `htu`, normalised (`htu.normalise`). `access_token`: the token
    of the request, at a resource. `ath`: its hash, if the caller has it already. `bound_to`: the thumbprint that the
    token, code or request is bound to. `nonces`: if given, a proof without a valid nonce is refused with NonceRequired
    (RFC 9449 11.3). `known`: the keys of earlier valid proofs, always with the same `algorithms`.

    Raises a DPoPError, or a JwtError for an error of the JWT itself. Each has its OAuth error code.
    """
    if not proofs:
        raise MissingProof("the request has no DPoP proof: send one in the DPoP header")
    if len(proofs) > 1 or "," in proofs[0]:
        raise ManyProofs("the request has more than one DPoP proof: send exactly one")
    segment, key, claims = _read(proofs[0], algorithms, known)
    jti = _string(claims, "jti")
    if not 0 < len(jti) <= _MAX_JTI:
        raise DPOP_PROOF.fail(
            MalformedClaim,
            f"jti of the proof is empty or has more than {_MAX_JTI} characters",
            about="jti",
            facts={"claim": "jti"},
        )
    if claims.get("htm") != method:
        _string(claims, "htm")
        raise WrongMethod(
            "htm of the proof is not the method of this request",
            facts={"expected": method, "got": claims["htm"][:20]},
        )
    htu = _string(claims, "htu")
    if htu not in urls and normalise(htu) not in urls:
        raise WrongUrl(
            "htu of the proof is not the URL of this request",
            facts={"expected": " ".join(sorted(urls)), "got": without_query(htu)},
        )
    usable_until = _check_time(claims, now)
    if nonces is not None:
        _check_nonce(claims, nonces, now)
    wanted = access_token_hash(access_token) if access_token is not None else ath
    if wanted is not None and not _same(_string(claims, "ath"), wanted):
        raise WrongTokenHash("ath of the proof is not the hash of this access token")
    if bound_to is not None and bound_to != key.thumbprint:
        raise WrongProofKey(
            "the proof is signed with another key than the one that the token or request is bound to"
        )
    if known is not None and known.find(segment) is None:
        known.remember(segment, key, now)
    return _new(CheckedProof, (key.thumbprint, jti, usable_until))


def _read(
    proof: str, algorithms: Collection[str], known: ProofKeys | None
) -> tuple[str, ProofKey, Mapping[str, Any]]:
    """The header segment, the key and the claims of a proof whose signature is valid."""
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
    """The store key of the mark of a used proof, and the lifetime of the mark."""
    digest = _NOTHING_HASHED.copy()
    digest.update(f"{scope}\0{proof.jkt}\0{proof.jti}".encode())
    left = proof.usable_until - now
    return f"dpop:{digest.hexdigest()}", left + _MARGIN if left > 0 else _MARGIN


def remember_proof(store: Store, proof: CheckedProof, *, now: float, scope: str = "") -> Flow[None]:
    """Mark the proof as used, for as long as it could be replayed.

    `scope` separates servers that share a store. Raises ReplayedProof; StoreError if the store cannot tell.
    """
    key, ttl = replay_mark(proof, now=now, scope=scope)
    if not (yield from store_add(store, key, b"1", ttl)):
        raise replayed()


def replayed() -> ReplayedProof:
    return ReplayedProof("this DPoP proof was used before: make a new proof for each request")


def _embedded_key(header: Header) -> ProofKey:
    """The key in the header of the proof. Its `use`, `key_ops` and `kid` are ignored: it is only for this proof."""
    jwk = header.members.get("jwk")
    if not isinstance(jwk, dict):
        raise DPOP_PROOF.fail(
            MalformedJwt, "the header of the DPoP proof has no jwk: it must have the public key"
        )
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
    """Check the times. Returns the time until which the proof is accepted."""
    iat: float | None = claims.get("iat")
    if type(iat) is not int:
        iat = number(claims, "iat", DPOP_PROOF)
        if iat is None:
            raise DPOP_PROOF.fail(MissingClaim, "the proof has no iat", about="iat", facts={"claim": "iat"})
    if not -MAX_AHEAD <= now - iat <= MAX_AGE:
        raise StaleProof(
            f"iat of the proof is more than {MAX_AGE:.0f} s ago or {MAX_AHEAD:.0f} s ahead: check the clocks",
            facts={"age": int(now - iat)},
        )
    if "nbf" in claims or "exp" in claims:  # a proof does not need them, but they are respected
        nbf, exp = number(claims, "nbf", DPOP_PROOF), number(claims, "exp", DPOP_PROOF)
        if nbf is not None and nbf - now > MAX_AHEAD:
            raise StaleProof("nbf of the proof is in the future", facts={"ahead": int(nbf - now)})
        if exp is not None and now - exp > MAX_AHEAD:
            raise StaleProof("exp of the proof is in the past", facts={"ago": int(now - exp)})
    return iat + MAX_AGE


def _check_nonce(claims: Mapping[str, Any], nonces: NonceIssuer, now: float) -> None:
    nonce = claims.get("nonce")
    if isinstance(nonce, str) and nonces.accepts(nonce, now):
        return
    sent = ("too old" if nonces.made(nonce) else "another server") if isinstance(nonce, str) else "none"
    raise NonceRequired("the proof needs a current nonce of this server", nonce=nonces.issue(now), sent=sent)
