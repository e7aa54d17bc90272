"""The attacker at the APIs, whose loot is bound to a client certificate: a certificate of the attacker's own, and words
about the victim's.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.attackers.token_thief import TokenThief
from examples.demo.payment import payment
from examples.demo.proxy import CERTIFICATE_FIELD
from examples.demo.trace import Recorder
from fapikit import TlsClientCertificate


class CertificateThief(TokenThief):
    def attacks_on_possession(self) -> list[Callable[[], Refusal]]:
        return [self.other_certificate, self.forged_header, self.around_the_proxy]

    def other_certificate(self) -> Refusal:
        """The attacker is a client too, with a certificate of the same authority."""
        own = TlsClientCertificate.from_pem(self.world.path("attacker.pem"), self.world.path("attacker.key"))
        url = self.world.accounts_resource
        http = Recorder(self.world, "attacker").settings(own).client
        answer = http.get(url, headers=self._bearer(url))
        return self.refused("a stolen token over another certificate", answer, 401, "RFC 8705 3")

    def forged_header(self) -> Refusal:
        """The victim's certificate is public: the attacker writes it into the proxy's header."""
        answer = self._pay_with_header(self.world.payments_resource)
        return self.refused("a forged certificate header, through the proxy", answer, 401, "RFC 9440 4")

    def around_the_proxy(self) -> Refusal:
        """The same, sent directly to the API, as anybody inside the bank's network could do."""
        resource = self.world.payments_resource
        inside = resource.replace(self.world.payments, self.world.payments_inside)
        answer = self._pay_with_header(inside)
        return self.refused("a forged certificate header, around the proxy", answer, 401, "RFC 9440 4")

    def _pay_with_header(self, url: str) -> httpx.Response:
        certificate = quote(self.world.path("fintech.pem").read_text())
        headers = {**self._bearer(self.world.payments_resource), CERTIFICATE_FIELD: certificate}
        return self.http.post(url, json=payment(), headers={**headers, "Idempotency-Key": "of the attacker"})

    def _bearer(self, resource: str) -> dict[str, str]:
        token = self.stolen.access_token_for(resource).reveal()
        return {"authorization": f"Bearer {token}"}
