"""The file that keeps a registration beside the client file, with the token that manages it.

Spec: RFC 7592 3
Role: RP
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fapikit import Seal, Secret, strict_json
from fapikit_cli.failing import WrongUsage
from fapikit_cli.private_files import read_private, write_private
from rpkit import Registration

_TOKEN, _SECRET, _URL = "registration_access_token", "client_secret", "registration_client_uri"


@dataclass(frozen=True, slots=True)
class RegistrationFile:
    """`seal`: what seals it; without one it is JSON of mode 0600."""

    path: Path
    seal: Seal | None

    def write(self, registration: Registration) -> None:
        """Raises OSError."""
        if self.seal is not None:
            write_private(self.path, registration.seal(self.seal).encode() + b"\n")
            return
        secret, token = registration.client_secret, registration.registration_access_token
        members = {
            **registration.metadata,
            "client_id": registration.client_id,
            _URL: registration.registration_client_uri,
            _SECRET: None if secret is None else secret.reveal(),
            _TOKEN: None if token is None else token.reveal(),
        }
        kept = {name: value for name, value in members.items() if value is not None}
        write_private(self.path, strict_json.dump(kept))

    def require(self) -> Registration:
        """Raises WrongUsage, SealBroken, OSError."""
        if not self.path.is_file():
            raise WrongUsage(
                f"there is no registration {self.path}",
                "`fapikit register` writes one; a client that was registered in another way is changed there",
            )
        octets = read_private(self.path, "the registration")
        if self.seal is not None:
            return Registration.open(octets.decode("ascii", "replace").strip(), self.seal)
        try:
            members: dict[str, Any] = strict_json.parse_object(octets)
            secret, token = members.pop(_SECRET, None), members.pop(_TOKEN, None)
            return Registration(
                client_id=members["client_id"],
                client_secret=None if secret is None else Secret(secret),
                client_secret_expires_at=members.get("client_secret_expires_at"),
                registration_access_token=None if token is None else Secret(token),
                registration_client_uri=members.get(_URL),
                metadata=members,
            )
        except (ValueError, KeyError) as error:
            raise WrongUsage(
                f"{self.path} is no registration that can be read here",
                "name the seal in the client file if it is sealed, or register again",
            ) from error
