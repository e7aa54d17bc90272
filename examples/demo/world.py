"""The addresses, keys and certificates of the demo, written once and read by every process."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from examples.demo.banks import BANKS, OLD_MILL, Bank
from examples.demo.certificates import make_client_certificates, make_server_certificate
from examples.demo.choices import BY_BROWSER, CIBA, WEB, Choices
from examples.demo.ports import PARTIES, free_port
from fapikit import PrivateKey, Profile, profile_of

ENVIRONMENT_VARIABLE = "FAPIKIT_DEMO"
CLIENT_ID = OLD_MILL.client_id
PINGED_CLIENT_ID = "fintech-pinged"
"""The same fintech, registered once more: the bank tells it when a customer has decided (CIBA)."""
OTHER_CLIENT_ID = "mallory"
"""A registered client of somebody else, who tries to use what is not his."""
NOTIFICATION_PATH = "/ciba-notification"
PAYMENTS_API_ID = "payments-api"
LEDGER = "ledger.db"
"""The file with the accounts of both banks."""
KEY_OWNERS = (CLIENT_ID, OTHER_CLIENT_ID, PAYMENTS_API_ID)


@dataclass(frozen=True)
class World:
    """One run of the demo. `folder` has its keys, certificates and trace, and is deleted afterwards."""

    folder: str
    profile_name: str
    method: str
    binding: str
    flow: str
    bank: str
    accounts: str
    payments: str
    payments_inside: str
    """Where the payments API listens behind its proxy, if it has one."""
    fintech: str
    bank2: str

    @classmethod
    def create(cls, folder: Path, choices: Choices, *, ports: Mapping[str, int]) -> World:
        """A new world: certificates from a throw-away CA, one key for each party that signs.

        A party without a port gets any that is free.
        """
        origins = {name: f"https://localhost:{free_port(ports.get(name, 0))}" for name in PARTIES}
        inside = f"http://127.0.0.1:{free_port(0)}"
        world = cls(folder=str(folder), **asdict(choices), **origins, payments_inside=inside)
        make_server_certificate(folder, world.profile)
        if choices.certificate:
            make_client_certificates(folder, self_signed=choices.self_signed)
        for owner in KEY_OWNERS:
            world.path(f"{owner}.jwk").write_text(json.dumps(PrivateKey.generate("ES256").to_private_jwk()))
        world.path("client.secret").write_text(secrets.token_urlsafe(32))
        world.path("proxy.secret").write_text(secrets.token_urlsafe(32))
        world.path("nonce.key").write_bytes(secrets.token_bytes(32))
        world.path("world.json").write_text(json.dumps(asdict(world)))
        return world

    @classmethod
    def load(cls) -> World:
        """The world of the demo that started this process."""
        return cls(**json.loads((Path(os.environ[ENVIRONMENT_VARIABLE]) / "world.json").read_text()))

    def path(self, name: str) -> Path:
        return Path(self.folder) / name

    def key_of(self, owner: str) -> PrivateKey:
        return PrivateKey.from_jwk(json.loads(self.path(f"{owner}.jwk").read_text()))

    @property
    def choices(self) -> Choices:
        return Choices(self.profile_name, self.method, self.binding, self.flow)

    @property
    def profile(self) -> Profile:
        return profile_of(self.profile_name)

    @property
    def hybrid(self) -> bool:
        """Whether an ID token beside the code signs the answer of the bank, where the profile does not ask for JARM."""
        if self.flow not in BY_BROWSER:
            return False
        return self.profile.response_signature_required and not self.profile.jarm_required

    @property
    def behind_a_proxy(self) -> bool:
        """Whether TLS ends before the payments API, at a proxy that hands client certificates on."""
        return self.binding == "mtls"

    @property
    def accounts_resource(self) -> str:
        return f"{self.accounts}/accounts"

    @property
    def payments_resource(self) -> str:
        return f"{self.payments}/payments"

    @property
    def banks(self) -> tuple[Bank, ...]:
        """The banks of this run. Where the customer does not choose one, there is only the first."""
        return BANKS if self.flow == WEB else BANKS[:1]

    def issuer_of(self, bank: Bank) -> str:
        return str(getattr(self, bank.party))

    def redirect_uri_of(self, bank: Bank) -> str:
        """One for each bank, so that no answer of one is taken for an answer of another (RFC 9700 4.4.2)."""
        return f"{self.fintech}/callback/{bank.name}"

    @property
    def redirect_uri(self) -> str:
        return self.redirect_uri_of(OLD_MILL)

    @property
    def notification_endpoint(self) -> str:
        """Where the bank tells the fintech that a customer has decided (CIBA)."""
        return f"{self.fintech}{NOTIFICATION_PATH}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The addresses of all parties."""
        inside = (self.payments_inside,) if self.behind_a_proxy else ()
        other = (self.bank2,) if len(self.banks) > 1 else ()
        return (self.fintech, self.bank, *other, self.accounts, self.payments, *inside)

    def party_at(self, origin: str) -> str:
        """The name of the party at an origin."""
        names = {
            self.bank: "bank",
            self.bank2: "bank2",
            self.accounts: "accounts",
            self.payments: "payments",
            self.payments_inside: "payments",
            self.fintech: "shop" if self.flow == CIBA else "fintech",
        }
        return names.get(origin, origin)


def port_of(origin: str) -> int:
    return int(origin.rsplit(":", 1)[1])
