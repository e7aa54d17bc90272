"""askit beside npm's oidc-provider, each in a process of its own, over sockets: the same login, all state in memory.

The other server is an optional part: `npm install --prefix benchmarks/authorization_servers` prepares it.
"""
