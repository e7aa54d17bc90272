"""The client's metadata as a document at an https URL of its own, which is then its client_id at every server.

Spec: CIMD 3, 4.1, 6.6; RFC 7591 2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapikit import strict_json
from fapikit.client_id_metadata import MAX_OCTETS, fault_of_document, fault_of_url
from fapikit.errors import ConfigurationError
from fapikit.profiles import FAPI2_SECURITY, Profile, profile_of
from rpkit.registration.registration import check_request


def client_metadata_document(
    url: str, client_metadata: Mapping[str, Any], *, profile: Profile | str = FAPI2_SECURITY
) -> dict[str, Any]:
    """The document to serve at `url` as JSON, to everybody, with status 200 and without redirects.

    Use `url` as the client_id at each server whose metadata say `client_id_metadata_document_supported`. The document
    has the `client_metadata` with `url` as the client_id. Raises ConfigurationError, also for a secret or a URL that
    cannot be a client_id; ForbiddenByProfile.
    """
    fault = fault_of_url(url)
    if fault is not None:
        raise ConfigurationError(
            f"the URL of client metadata {fault}", clause="CIMD 3", facts={"url": url[:200]}
        )
    document = {**client_metadata, "client_id": client_metadata.get("client_id", url)}
    if "token_endpoint_auth_method" not in document:
        raise ConfigurationError(
            "token_endpoint_auth_method is left out, which means client_secret_basic, and a document that everybody"
            " can read has no secret: set it, for example to private_key_jwt",
            clause="CIMD 4.1",
            facts={"member": "token_endpoint_auth_method"},
        )
    fault = fault_of_document(document, url)
    if fault is not None:
        raise ConfigurationError(f"the client metadata {fault}", clause="CIMD 4.1")
    check_request(document, profile_of(profile))
    octets = len(strict_json.dump(document))
    if octets > MAX_OCTETS:
        raise ConfigurationError(
            f"the client metadata have {octets} octets, and servers read no more than {MAX_OCTETS}: give jwks_uri"
            " instead of jwks, or shorten them",
            clause="CIMD 6.6",
        )
    return document
