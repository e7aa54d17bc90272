"""Mallory's bank makes the fintech hammer an honest bank with polls.

A sign-in on a device ends with polls: the fintech asks the bank again and again whether the user has approved. How long
it waits in between is up to the bank. Mallory's bank says: not at all. In its metadata the token endpoint is that of an
honest bank. So Mallory begins a sign-in at the fintech, and the honest bank gets as many polls as the fintech can send,
from an address that it trusts.

The fintech stops this. It waits for a second at least, whatever the bank says.
"""

from __future__ import annotations

import time
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.mallory import HostileBank, Seen
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story
from examples.attack_lab.street import Place
from fapikit.urns import DEVICE_CODE
from rpkit.errors import RequestExpired

LOOT = "a flood of polls at the honest bank, sent by the fintech"
BANK, FINTECH, HOSTILE, MALLORY = Party.BANK, Party.FINTECH, Party.HOSTILE_BANK, Party.MALLORY
FLOOD, SECONDS = 10, 1.9


class CountingBank(NaiveBank):
    """It counts polls. After the flood it says that the code has expired, so that the flood ends."""

    polls = 0

    async def token(self, _request: Request) -> Response:
        self.polls += 1
        error = "authorization_pending" if self.polls < FLOOD else "expired_token"
        return JSONResponse({"error": error}, 400)


class HurryingBank(HostileBank):
    """Its device codes are to be polled for without a pause."""

    def answer(self, seen: Seen) -> Response:
        if seen.path != "/device":
            return super().answer(seen)
        codes = {"device_code": "any", "user_code": "WDJB-MJHT", "interval": 0, "expires_in": SECONDS}
        return JSONResponse({**codes, "verification_uri": f"{self.issuer}/verify"})


def _banks(lab: Lab) -> tuple[CountingBank, HurryingBank]:
    honest, place = lab.naive_bank(CountingBank), Place()
    device = {"device_authorization_endpoint": f"{place.origin}/device"}
    hostile = HurryingBank(place.origin, honest.metadata, device)
    lab.serve(hostile, place)
    return honest, hostile


def undefended(lab: Lab, story: Story) -> str:
    honest, hostile = _banks(lab)
    _tell(story)
    shown = lab.http.post(f"{hostile.issuer}/device").json()
    form = {"grant_type": DEVICE_CODE, "device_code": shown["device_code"]}
    until = time.monotonic() + shown["expires_in"]
    while honest.polls < FLOOD and time.monotonic() < until:
        lab.http.post(honest.metadata["token_endpoint"], data=form)
        time.sleep(shown["interval"])
    return _count(story, honest)


def defended(lab: Lab, story: Story) -> str:
    honest, hostile = _banks(lab)
    client = lab.app_at(hostile)
    _tell(story)
    with suppress(RequestExpired):
        client.wait(client.device(scope="accounts"))
    return _count(story, honest)


def _tell(story: Story) -> None:
    story.step(MALLORY, FINTECH, "sign in on my device, at my bank", "Anybody may begin a sign-in.")
    story.step(HOSTILE, FINTECH, "a device code, with interval 0", "Its token endpoint is the honest bank's.")


def _count(story: Story, honest: CountingBank) -> str:
    story.step(FINTECH, BANK, "POST /token, again and again", "The honest bank does not know that code.")
    if honest.polls < FLOOD:
        raise NothingCame(f"{honest.polls} polls came", clause="RFC 8628 3.5a")
    return LOOT


ATTACK = Attack(
    id="N10.3",
    title="polls without a pause",
    loot=LOOT,
    countermeasures=(),
    rule="NothingCame",
    clause="RFC 8628 3.5a",
    defence="rpkit.decoupled.polling.interval_of",
    without=lambda interval: interval,
    undefended=undefended,
    defended=defended,
)
