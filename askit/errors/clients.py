"""The refusals of a client: its authentication, rights and registration, and what others say about it.

See the tree in `askit.errors`.

Spec: RFC 7591 3.2.2; CIMD 4
Role: AS
"""

from __future__ import annotations

from askit.errors.requests import Refused
from fapikit.errors import Remedy


class InvalidClient(Refused):
    """The client did not authenticate."""

    code = "invalid_client"
    clause = "RFC 6749 2.3"
    status = 401


class ReplayedAssertion(InvalidClient):
    """The `jti` of this client assertion was used before."""

    clause = "OIDC 9"


class UnauthorizedClient(Refused):
    """This client is not registered for what it requests."""

    code = "unauthorized_client"
    clause = "RFC 6749 5.2"


class InvalidRedirectUri(Refused):
    """A redirect URI that may not be registered."""

    code = "invalid_redirect_uri"
    clause = "RFC 7591 3.2.2"


class InvalidClientMetadata(Refused):
    """Client metadata that contradicts itself or the profile."""

    code = "invalid_client_metadata"
    clause = "RFC 7591 3.2.2"


class RegistrationsFull(Refused):
    """No further client can register itself."""

    code = "temporarily_unavailable"
    clause = "RFC 7591 5"
    status = 503
    remedy = Remedy.RETRY_LATER


class UnusableMetadataDocument(InvalidClient):
    """A client_id that is a URL where no usable client metadata lie, or from where this server fetches none."""

    clause = "CIMD 4"
    status = 400


class InvalidSoftwareStatement(InvalidClientMetadata):
    """A software statement that is missing, or that does not say what this server requires."""

    code = "invalid_software_statement"
    clause = "RFC 7591 3.2.2"


class UnapprovedSoftwareStatement(InvalidClientMetadata):
    """A software statement of an issuer that is not trusted here, or of software that is not approved here."""

    code = "unapproved_software_statement"
    clause = "RFC 7591 3.2.2"
