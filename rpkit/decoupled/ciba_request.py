"""A CIBA request that waits for the decision of its user, and the three ways in which its tokens come.

Spec: CIBA 7.1.2, 7.3b, 7.4, 10.1a, 10.2b, 10.3.1, 11a, 12; FAPI-CIBA 5.2.3.1-3
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fapikit.errors import PeerRefused
from fapikit.flow import Flow, shared
from fapikit.profile import DeliveryMode
from fapikit.secrets import Secret
from rpkit.bank import Bank
from rpkit.decoupled.notifications import GRACE, KEPT
from rpkit.decoupled.notified import ping_pause, pushed_notification
from rpkit.decoupled.polling import raise_decision
from rpkit.decoupled.pushed_tokens import read_pushed, verify_pushed
from rpkit.decoupled.request import DecoupledRequest, Poll
from rpkit.errors import OtherUser
from rpkit.grants.ciba import LONG_POLL, exchange_auth_req_id
from rpkit.login.grant_management import scope_at_most
from rpkit.login.id_token import IdToken
from rpkit.login.report import LoginReport
from rpkit.tokens.token_endpoint import TokenResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class CibaRequest(DecoupledRequest):
    """Show `binding_message` to the user, if there is one, then `wait`.

    `subject`: the user whom an ID token of ours named as the hint. `notification_token`: what the server shows in a
    ping or a push. `x5t_s256`: the certificate that was shown when the request was sent. `request_object` is None for
    a request with a user code, which must not be kept.
    """

    seal_context: ClassVar[str] = "rpkit.ciba"
    clause: ClassVar[str] = "CIBA 11a"

    delivery_mode: DeliveryMode
    binding_message: str | None
    subject: str | None = field(repr=False)
    notification_token: Secret | None
    x5t_s256: str | None

    def redeem(self, bank: Bank, resource: str | None) -> Flow[TokenResponse]:
        # Threads and tasks that wait for the same request share a poll: two must never overlap.
        return shared(
            ("ciba", self.id, resource),
            lambda: exchange_auth_req_id(
                bank, self.reference, dpop=self.dpop, scope=scope_at_most(self), resource=resource
            ),
            deadline=2 * LONG_POLL + 10,
        )

    def obtain(self, bank: Bank, poll: Poll) -> Flow[TokenResponse]:
        token = self.notification_token
        if token is None:
            return (yield from poll(None))
        if self.delivery_mode == "ping":
            return (yield from poll(ping_pause(bank, self, token)))
        push = yield from pushed_notification(bank, self, token, until=self.expires_at + GRACE)
        try:
            return read_pushed(
                bank, push, bound=self.dpop is not None, scope=scope_at_most(self), x5t_s256=self.x5t_s256
            )
        except PeerRefused as error:
            raise_decision(error, self.clause)

    def verify(self, response: TokenResponse, id_token: IdToken | None, report: LoginReport) -> None:
        """The checks that only CIBA has. Raises OtherUser; for a push MissingClaim, WrongHash, WrongAuthReqId."""
        if id_token is None:
            return
        if self.delivery_mode == "push":
            verify_pushed(self.reference, response, id_token, report)
        if self.subject is None:
            report.skipped("ID token: sub is the user of the hint", "CIBA 7.1c", "the hint is no ID token")
        elif self.subject != id_token.subject:
            raise OtherUser("the ID token is about another user than the id_token_hint of the request")
        else:
            report.passed("ID token: sub is the user of the hint", "CIBA 7.1c")

    @property
    def answer_kept(self) -> float:
        return GRACE + KEPT if self.delivery_mode == "push" else 0.0

    def own_members(self) -> dict[str, Any]:
        token = self.notification_token
        return {
            "delivery_mode": self.delivery_mode,
            "binding_message": self.binding_message,
            "subject": self.subject,
            "notification_token": None if token is None else token.reveal(),
            "x5t_s256": self.x5t_s256,
        }

    @classmethod
    def read_own_members(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        token = members["notification_token"]
        return {**members, "notification_token": None if token is None else Secret(token)}
