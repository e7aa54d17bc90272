"""Chooses the walk by the demo's flow."""

from __future__ import annotations

from examples.demo.choices import DEVICE
from examples.demo.walks.device import DeviceWalk
from examples.demo.walks.step import Walk
from examples.demo.walks.web import WebWalk
from examples.demo.world import World


def walk_of(world: World) -> Walk:
    return DeviceWalk(world) if world.flow == DEVICE else WebWalk(world)
