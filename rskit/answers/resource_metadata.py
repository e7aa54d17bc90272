"""The metadata of the protected resource, derived from the configuration in force and never from the request.

`resource` is the configured identifier, whatever URL was requested (RFC 9728 3.3, first rule). So give each mounted API
a resource server of its own, with the identifier that its clients use.

Spec: RFC 9728 2, 2.2, 3, 3.1, 3.2 (RS-20)
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fapikit import strict_json
from fapikit.errors import ConfigurationError, InsecureUrl
from fapikit.flow import run_pure
from fapikit.jose.purposes import SIGNED_METADATA
from fapikit.jose.sign import sign_jwt
from fapikit.jose.signer import Signer
from fapikit.setting_types import check_text_settings, require_text
from fapikit.urls import origin_of, require_secure
from rskit.possession.confirmation import Binding

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_DERIVED: Final = frozenset(
    {"resource", "authorization_servers", "bearer_methods_supported", "signed_metadata"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDescription:
    """Metadata besides what the configuration determines. `extra`: further registered members."""

    scopes: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()
    signer: Signer | None = None

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        check_text_settings(self)


def check_resource(resource: str) -> str:
    """Require https (or a loopback address) and no fragment. Raises ConfigurationError, InsecureUrl."""
    require_text("resource", resource)
    if "://" not in resource:
        raise InsecureUrl(
            "resource is the URL of this API, such as https://api.example: where the server writes another name of it"
            " into aud, set Issuer(audience=...)",
            facts={"resource": resource},
        )
    require_secure(resource, "a resource identifier")
    if "#" in resource:
        raise ConfigurationError("a resource identifier must not have a fragment (#)", clause="RFC 9728 2")
    return resource


def metadata_path(resource: str) -> str:
    """The path of the document: the well-known part comes before the path of the resource."""
    parts = urlsplit(resource)
    query = f"?{parts.query}" if parts.query else ""
    return f"{WELL_KNOWN}{parts.path.removesuffix('/')}{query}"


def metadata_url(resource: str) -> str:
    return origin_of(resource) + metadata_path(resource)


def build_metadata(
    resource: str,
    *,
    authorization_servers: Collection[str],
    bindings: Collection[Binding],
    required: bool,
    algorithms: Collection[str],
    description: ResourceDescription,
) -> bytes:
    """The document. Empty arrays are left out (RFC 9728 3.2)."""
    members: dict[str, Any] = {
        "resource": resource,
        "authorization_servers": list(authorization_servers),
        "bearer_methods_supported": ["header"],
        "scopes_supported": list(description.scopes),
        "authorization_details_types_supported": list(description.authorization_details_types),
        "dpop_signing_alg_values_supported": sorted(algorithms) if "dpop" in bindings else [],
        "dpop_bound_access_tokens_required": required and "mtls" not in bindings,
        "tls_client_certificate_bound_access_tokens": "mtls" in bindings,
    }
    for name, value in description.extra:
        if name in _DERIVED:
            raise ConfigurationError(
                f"{name} is derived from the configuration: leave it out of extra=", facts={"member": name}
            )
        members[name] = value
    members = {name: value for name, value in members.items() if value not in ([], False)}
    if description.signer is not None:
        members["signed_metadata"] = _signed(members, resource, description.signer)
    return strict_json.dump(members)


def _signed(members: Mapping[str, Any], resource: str, signer: Signer) -> str:
    # RFC 9728 2.2 requires an `iss`. Here the resource itself is the issuer. Signed once, at construction.
    return run_pure(sign_jwt({**members, "iss": resource}, SIGNED_METADATA, signer))
