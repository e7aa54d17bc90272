"""The settings of pairwise subjects: the salt that makes them, and the APIs that see the user's own subject.

Spec: OIDC 8.1; RFC 9068 6
Role: AS
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

from askit.clients.client import Client
from askit.config.table import Table
from askit.config.values import Resource, Subject
from fapikit import base64url
from fapikit.errors import ConfigurationError
from fapikit.secrets import Concealed

SETTING: Final = "pairwise_salt_file"
_LEAST_OCTETS: Final = 32


def read_salt(file: str | None, base: Path) -> Concealed[bytes] | None:
    """The salt in a file: base64url, on one line. Raises ConfigurationError."""
    if file is None:
        return None
    try:
        return Concealed(base64url.decode((base / file).read_text("ascii").strip()))
    except (OSError, ValueError) as error:
        raise _wrong(f"{SETTING}: {file} cannot be read as base64url", SETTING) from error


def read_subject(table: Table) -> Subject:
    """Raises ConfigurationError."""
    subject = table.optional_string("subject") or "client"
    if subject not in ("client", "user"):
        raise _wrong(f"{table.name('subject')} must be client or user", "resources.subject")
    return cast(Subject, subject)


def check_pairwise_subjects(
    salt: Concealed[bytes] | None, clients: Iterable[Client], resources: Iterable[Resource]
) -> None:
    """Raise ConfigurationError for a salt that can be guessed or is missing, or an API whose tokens tell too much."""
    if salt is not None and len(salt.reveal()) < _LEAST_OCTETS:
        raise _wrong(
            f"{SETTING} is shorter than {_LEAST_OCTETS} octets, so others could guess it and link the subjects",
            SETTING,
        )
    for client in clients:
        if client.pairwise and salt is None:
            raise _wrong(
                f"client {client.client_id}: subject_type pairwise needs {SETTING}, which is not there",
                SETTING,
            )
    for resource in resources:
        if resource.subject == "user" and resource.token_format == "jwt" and resource.encryption is None:
            raise ConfigurationError(
                f'resources: subject = "user" of {resource.uri} needs tokens that clients cannot read: set token_format'
                " to opaque, or encryption_client",
                clause="RFC 9068 6",
                facts={"setting": "resources.subject"},
            )


def _wrong(message: str, setting: str) -> ConfigurationError:
    return ConfigurationError(message, clause="OIDC 8.1", facts={"setting": setting})
