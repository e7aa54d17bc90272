"""The only code with sockets, threads and event loops: two drivers for flows, and what they share.

`sync_driver` and `async_driver` run a flow. `transport` sends its HTTP requests. `shared_work` runs work that many
callers wait for. `tls` makes TLS contexts with the cipher suites of a profile.
"""

from fapikit.io.async_driver import AsyncDriver
from fapikit.io.sync_driver import SyncDriver
from fapikit.io.transport import HttpSettings

__all__ = ["AsyncDriver", "HttpSettings", "SyncDriver"]
