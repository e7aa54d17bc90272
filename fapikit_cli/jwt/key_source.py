"""The keys that a JWT is verified with: of a file, a URL, an issuer, or of the header of a DPoP proof.

Spec: RFC 7517 5; RFC 8414 2; RFC 9449 4.3-6, 4.3-7
Role: RP, RS, AS
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fapikit.clock import system_clock
from fapikit.errors import UnusableKey
from fapikit.jose.key_set import KeySet, KeySource
from fapikit.jose.parse import read_object, split_jws
from fapikit.jose.public_key import import_public_jwk
from fapikit.jose.purposes import DPOP_PROOF, Purpose
from fapikit.jwks import RemoteKeySet
from fapikit.secrets import Concealed
from fapikit_cli.failing import WrongUsage
from fapikit_cli.server.caller import Caller
from fapikit_cli.server.published import read_published


def keys_for(
    token: Concealed[str], purpose: Purpose, *, jwks: str | None, issuer: str | None, caller: Caller
) -> KeySource:
    """Raises WrongUsage, TransportError, MissingMetadata, UnusableKey; OSError for a file."""
    if jwks is not None:
        return RemoteKeySet(jwks, clock=system_clock) if "://" in jwks else _of_file(Path(jwks))
    if issuer is not None:
        return RemoteKeySet(read_published(issuer, caller).metadata.endpoint("jwks_uri"), clock=system_clock)
    if purpose is DPOP_PROOF:
        return _of_proof(token)
    raise WrongUsage(
        f"nothing says whose key signed this {purpose.name}",
        "give --issuer ISSUER, or --jwks with a file or a URL",
    )


def _of_file(path: Path) -> KeySet:
    try:
        members: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise WrongUsage(f"{path} is no JSON", "give a JWK Set or a JWK") from error
    if not isinstance(members, dict):
        raise WrongUsage(f"{path} is no JWK Set", "give a JWK Set or a JWK")
    keys = KeySet.from_jwks(members if "keys" in members else {"keys": [members]}, source=str(path))
    if not keys.keys and keys.skipped:
        raise UnusableKey(f"no key of {path} can be used: {keys.skipped[0].why}", clause="RFC 7517 5")
    return keys


def _of_proof(token: Concealed[str]) -> KeySet:
    """The key in the header of a proof. What the proof is worth, the token that is bound to this key says."""
    header = read_object(split_jws(token.reveal(), DPOP_PROOF)[0], DPOP_PROOF, "header")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise UnusableKey("the header of this DPoP proof has no jwk", clause="RFC 9449 4.3-3")
    return KeySet([import_public_jwk(jwk)])
