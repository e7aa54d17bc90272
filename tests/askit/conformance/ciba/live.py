"""A bank of FAPI-CIBA on a socket of its own, under TLS, with certificates that tokens are bound to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from askit.pytest_plugin.hosts import Host
from fapikit.io.async_driver import AsyncDriver
from tests.askit.ciba.asking import GRANT, Asking
from tests.askit.ciba.phone import Phone
from tests.askit.conformance.mtls.conftest import CertificateBank
from tests.askit.fapi1.live import NUMBERS
from tests.askit.plain_client import PlainClient
from tests.keys import a_key

RSA = a_key("RS256", NUMBERS["fintech"])
"""A second key of the client, registered, of an algorithm that the profile does not have."""
METHODS = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]


class CibaBank(CertificateBank):
    """`pinged_at`: the notification endpoint of its clients, if they do not only poll."""

    def __init__(
        self, host: Host, folder: Path, method: str = "private_key_jwt", *, pinged_at: str | None = None
    ) -> None:
        self._pinged_at = pinged_at
        super().__init__(host, folder, method, "mtls", profile="fapi-ciba")

    def _entry(self, of: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = (
            {"backchannel_token_delivery_mode": "poll"}
            if self._pinged_at is None
            else {
                "backchannel_token_delivery_mode": "ping",
                "backchannel_client_notification_endpoint": self._pinged_at,
            }
        )
        return {
            **super()._entry(of),
            "grant_types": [*of["grant_types"], GRANT],
            "backchannel_authentication_request_signing_alg": "ES256",
            **told,
        }

    def asking(self, client_id: str = "fintech", **more: Any) -> Asking:
        return Asking(self.client(client_id, **more))

    def phone(self, *who: str) -> Phone:
        """`who`: the user name and the password, if it is not Alice's."""
        browser = PlainClient(http=self.http(), clock=self.clock, issuer=self.issuer)
        return Phone(browser, *who)

    async def at_rest(self) -> None:
        """Wait until this bank has ended all that it began in the background: no further message can leave it."""
        await asyncio.wrap_future(self.host.begin(_background_work()))


async def _background_work() -> None:
    begun = [task for task in asyncio.all_tasks() if _name(task) == AsyncDriver.run.__qualname__]
    if begun:
        await asyncio.wait(begun, timeout=20)


def _name(task: asyncio.Task[Any]) -> str:
    return str(getattr(task.get_coro(), "__qualname__", ""))
