"""The first step of every walk: the metadata of each bank, by both documents."""

from __future__ import annotations

from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from fapikit.io import SyncDriver
from fapikit.metadata import discover


def require_discovery(world: World, name: str) -> None:
    driver = SyncDriver(Recorder(world, name).settings())
    for issuer in map(world.issuer_of, world.banks):
        oauth = driver.run(discover(issuer, kinds=("oauth-authorization-server",)))
        oidc = driver.run(discover(issuer, kinds=("openid-configuration",)))
        require(oauth.issuer == oidc.issuer == issuer, "both documents name the bank as issuer")
