"""Chooses the walk by the demo's flow."""

from __future__ import annotations

from examples.demo.choices import CIBA, CONSENTS, DEVICE
from examples.demo.walks.ciba import CibaWalk
from examples.demo.walks.consents import ConsentsWalk
from examples.demo.walks.device import DeviceWalk
from examples.demo.walks.step import Walk
from examples.demo.walks.web import WebWalk
from examples.demo.world import World


def walk_of(world: World) -> Walk:
    match world.flow:
        case flow if flow == DEVICE:
            return DeviceWalk(world)
        case flow if flow == CONSENTS:
            return ConsentsWalk(world)
        case flow if flow == CIBA:
            return CibaWalk(world)
    return WebWalk(world)
