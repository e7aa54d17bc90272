"""However CIBA breaks, an error tracker that shows the variables of every frame finds no secret there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fapikit.errors import FapiError, StoreError, StoreUnavailable
from tests.failing import HTTP_FAILURES, AppError
from tests.frames import shown
from tests.keys import a_key, mint
from tests.mothers.ciba_bank import CibaBank
from tests.mothers.clients import Clients
from tests.rpkit.test_frames_show_no_secret import MOST_STEPS, World, broken

Run = Callable[[], Any]
HINT = mint({"iss": "https://bank.example", "sub": "alice"}, a_key("ES256", 3))


def a_world(clients: Clients, mode: str, **options: Any) -> World:
    world = World(clients, CibaBank(nonces=False), {"backchannel_token_delivery_mode": mode, **options})
    world.plant(HINT, "4711-secret")
    return world


def asked(world: World) -> Any:
    """A request that ends soon: a failing network or store must not keep the test waiting."""
    world.bank.faults["bc"] = lambda members: {**members, "interval": 0}
    request = world.client.ciba(id_token_hint=HINT)
    if request.delivery_mode != "push":  # that of a push redeems nothing, and is a claim of its ID token
        world.plant(request.reference)
    if request.notification_token is not None:
        world.plant(request.notification_token)
    return replace(request, interval=0.0, expires_at=world.bank.clock() + 0.5)


def _ciba(world: World) -> Run:
    return lambda: world.client.ciba(id_token_hint=HINT, user_code="4711-secret")


def _wait(world: World) -> Run:
    request = asked(world)
    return lambda: world.client.wait(request)


def _pushed(world: World) -> tuple[Any, str, bytes]:
    request = asked(world)
    assert isinstance(world.bank, CibaBank)
    headers, body = world.bank.push(request.reference.reveal())
    members = json.loads(body)
    world.plant(*(members[name] for name in ("access_token", "refresh_token", "id_token")), body.decode())
    return request, headers["authorization"], body


def _hear(world: World) -> Run:
    _, authorization, body = _pushed(world)
    return lambda: world.client.hear_notification(authorization, body)


def _wait_for_push(world: World) -> Run:
    request, authorization, body = _pushed(world)
    world.client.hear_notification(authorization, body)
    return lambda: world.client.wait(request)


FLOWS: dict[str, tuple[str, Callable[[World], Run]]] = {
    "ask, and poll": ("poll", _ciba),
    "ask, and be pinged": ("ping", _ciba),
    "poll": ("poll", _wait),
    "hear a push": ("push", _hear),
    "wait for a push": ("push", _wait_for_push),
}


def errors_of(clients: Clients, name: str, arm: Callable[[World, int], Any], **options: Any) -> list[Any]:
    mode, flow = FLOWS[name]
    found = []
    for at in range(1, MOST_STEPS):
        world = a_world(clients, mode, **options)
        run = flow(world)
        nth = arm(world, at)
        error = broken(run)
        if error is not None:
            found.append((error, world))
        if nth.used < at:
            return found
    raise AssertionError("the flow does not end")


@pytest.mark.parametrize("name", ["ask, and poll", "poll", "wait for a push"])
@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_a_call_that_fails_shows_no_secret(name: str, how: str, clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.http.how = how
        world.http.nth.arm(at)
        return world.http.nth

    for error, world in errors_of(clients, name, arm):
        assert isinstance(error, FapiError | AppError)
        assert shown(error, world.secrets()) == []


@pytest.mark.parametrize("name", ["ask, and be pinged", "poll", "hear a push", "wait for a push"])
@pytest.mark.parametrize("kind", [StoreUnavailable, AppError])
def test_a_store_that_fails_shows_no_secret(name: str, kind: type[Exception], clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.store.error = kind
        world.store.nth.arm(at)
        return world.store.nth

    errors = errors_of(clients, name, arm)
    assert errors or kind is StoreUnavailable
    for error, world in errors:
        assert isinstance(error, kind | StoreError)
        assert shown(error, world.secrets()) == []


@pytest.mark.parametrize("signed", [False, True])
def test_a_key_service_that_fails_shows_no_secret(signed: bool, clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.kms.nth.arm(at)
        return world.kms.nth

    errors = errors_of(clients, "ask, and be pinged", arm, signed_requests=signed)
    assert errors
    for error, world in errors:
        assert isinstance(error, AppError)
        assert shown(error, world.secrets()) == []


WRONG: dict[str, Callable[[str, bytes], tuple[str, bytes]]] = {
    "another token": lambda authorization, body: (f"{authorization}x", body),
    "no JSON": lambda authorization, body: (authorization, body[:-1]),
    "a member twice": lambda authorization, body: (authorization, body[:-1] + b',"token_type":"x"}'),
    "another auth_req_id": lambda authorization, body: (authorization, body.replace(b"ari-", b"arx-")),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_refused_notification_shows_no_secret(case: str, clients: Clients) -> None:
    world = a_world(clients, "push")
    _, authorization, body = _pushed(world)
    changed = WRONG[case](authorization, body)
    error = broken(lambda: world.client.hear_notification(*changed))
    assert isinstance(error, FapiError)
    assert shown(error, world.secrets() - {authorization}) == []
