"""The refusals of what others say about a client: software statements, and metadata documents at a URL.

They are part of the tree in `askit.errors`.

Spec: RFC 7591 3.2.2; CIMD 4
Role: AS
"""

from __future__ import annotations

from askit.errors import InvalidClient, InvalidClientMetadata


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
