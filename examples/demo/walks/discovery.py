"""The first step of every walk: the bank's metadata, by both documents."""

from __future__ import annotations

from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from fapikit.io import SyncDriver
from fapikit.metadata import discover


def require_discovery(world: World, name: str) -> None:
    driver = SyncDriver(Recorder(world, name).settings())
    oauth = driver.run(discover(world.bank, kinds=("oauth-authorization-server",)))
    oidc = driver.run(discover(world.bank, kinds=("openid-configuration",)))
    require(oauth.issuer == oidc.issuer == world.bank, "both documents name the bank as issuer")
