"""A bank that fits FAPI 2.0, made of plain answers over TLS, in which single faults can be planted."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fapikit import server_context
from tests.keys import a_key
from tests.mothers.bank_server import serving
from tests.mothers.certificates import Made, a_certificate, a_name, an_authority, usage

Reply = tuple[int, dict[str, str], Any]
LISTS = {
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "grant_types_supported": ["authorization_code"],
    "id_token_signing_alg_values_supported": ["ES256"],
    "dpop_signing_alg_values_supported": ["ES256"],
    "scopes_supported": ["openid"],
}
_UNKNOWN = {"error": "invalid_client"}


@dataclass
class PlantedBank:
    """`faults`: by the last part of a path, what makes another answer of the honest one."""

    origin: str = ""
    ca: Path = Path()
    faults: dict[str, Callable[[Reply], Reply]] = field(default_factory=dict)

    def respond(self, _method: str, url: str, *_: Any, **__: Any) -> tuple[int, dict[str, str], bytes]:
        name = url.rsplit("/", 1)[-1]
        status, headers, body = self.faults.get(name, lambda honest: honest)(self._honest(name))
        kind = {"content-type": "text/html" if name == "authorize" else "application/json"}
        return status, {**kind, **headers}, json.dumps(body).encode()

    def _honest(self, name: str) -> Reply:
        match name:
            case "oauth-authorization-server" | "openid-configuration":
                return 200, {}, self._metadata()
            case "jwks":
                return 200, {}, {"keys": [dict(a_key("ES256").public_jwk)]}
            case "authorize":
                return 400, {"strict-transport-security": "max-age=31536000"}, ""
            case "registration":
                return 200, {}, {
                    "client_id": "fintech",
                    "token_endpoint_auth_method": "private_key_jwt",
                    "redirect_uris": ["https://fintech.example/callback", "http://127.0.0.1/callback"],
                    "jwks_uri": "https://fintech.example/jwks",
                }  # fmt: skip
        return 401, {}, _UNKNOWN

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "pushed_authorization_request_endpoint": f"{self.origin}/par",
            "jwks_uri": f"{self.origin}/jwks",
            "authorization_response_iss_parameter_supported": True,
            **LISTS,
        }


def authority() -> Made:
    return an_authority("Planted CA", now=time.time())


def leaf(
    issuer: Made | None, *, host: str = "localhost", days: int = 365, bits: int = 0, begun: int = 1
) -> Made:
    """A certificate for a server, valid from `begun` days ago for that many days."""
    return a_certificate(
        issuer=issuer,
        subject=a_name((NameOID.COMMON_NAME, host)),
        key=rsa.generate_private_key(65537, bits) if bits else None,
        now=time.time(),
        valid_from=-dt.timedelta(days=begun),
        valid_for=dt.timedelta(days=days - begun),
        key_usage=usage(digital_signature=True),
        extended=(ExtendedKeyUsageOID.SERVER_AUTH,),
        names=[x509.DNSName(host)],
    )


def weak_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server may do if nobody restricts it: TLS 1.0, CBC, no forward secrecy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(certificate, key)
    return context


@contextmanager
def planted(
    made: Callable[[Made], Made] = leaf,
    change: Callable[[ssl.SSLContext], None] | None = None,
    *,
    weak: bool = False,
) -> Iterator[PlantedBank]:
    """A bank during the block. `made`: its certificate; `change`: what is done to its TLS context."""
    with tempfile.TemporaryDirectory() as folder:
        root = authority()
        own = made(root)
        ca, certificate, key = (Path(folder) / name for name in ("ca.pem", "own.pem", "key.pem"))
        ca.write_text(root.pem)
        certificate.write_text(own.pem)
        key.write_text(own.key_pem)
        context = weak_context(certificate, key) if weak else server_context(certificate, key)
        if change is not None:
            change(context)
        bank = PlantedBank(ca=ca)
        with serving(bank.respond, context) as served:
            bank.origin = served.origin
            yield bank
