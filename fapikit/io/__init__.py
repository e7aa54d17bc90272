"""The one place that touches sockets, threads and event loops: two drivers for flows, and what they share.

`sync_driver` and `async_driver` run a flow; `transport` sends its HTTP; `shared_work` runs what many wait for;
`tls` makes contexts with a profile's cipher suites.
"""

from fapikit.io.async_driver import AsyncDriver
from fapikit.io.sync_driver import SyncDriver
from fapikit.io.transport import HttpSettings

__all__ = ["AsyncDriver", "HttpSettings", "SyncDriver"]
