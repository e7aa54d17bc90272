"""The registered encryption of a client: the `alg` and `enc` of each kind of message.

Spec: OIDC Registration 2; OIDC 10.2; JARM 3; RFC 9701 6; RFC 7518 5; FAPI1-ADV 8.6.1-1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fapikit.errors import FapiError
from fapikit.jose.encryption import CONTENT_ENCRYPTION
from fapikit.jose.encryption_keys import KEY_MANAGEMENT

ENCRYPTED_RESPONSES: Final = ("id_token", "authorization", "userinfo", "introspection")
"""The kinds of responses: a client registers `X_encrypted_response_alg` and `X_encrypted_response_enc` for each."""
REQUEST_OBJECT: Final = "request_object_encryption"
AGREEMENTS: Final = (*(f"{kind}_encrypted_response" for kind in ENCRYPTED_RESPONSES), REQUEST_OBJECT)
"""The names before `_alg` and `_enc`."""
MEMBERS: Final = tuple(f"{name}_{part}" for name in AGREEMENTS for part in ("alg", "enc"))


def read_agreements(registered: Mapping[str, object], refuse: Callable[..., FapiError]) -> dict[str, str]:
    """The `alg` of each registered encryption, by its name. `registered`: the members of a registration.

    Raises the error that `refuse` makes of a message and a clause, for values that cannot work.
    """
    found: dict[str, str] = {}
    for name in AGREEMENTS:
        alg, enc = registered.get(f"{name}_alg"), registered.get(f"{name}_enc")
        if alg is None:
            if enc is not None:
                raise refuse(
                    f"{name}_enc is given without {name}_alg: give both, or neither", clause="OIDC 10.2"
                )
            continue
        if not isinstance(alg, str) or alg not in KEY_MANAGEMENT:
            raise refuse(
                f"{name}_alg {alg} is not allowed: use one of {', '.join(KEY_MANAGEMENT)}",
                clause="FAPI1-ADV 8.6.1-1",
            )
        if enc is not None and enc not in CONTENT_ENCRYPTION:
            raise refuse(
                f"{name}_enc {enc} is not supported: use one of {', '.join(CONTENT_ENCRYPTION)}",
                clause="RFC 7518 5",
            )
        found[name] = alg
    return found
