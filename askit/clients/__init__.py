"""Registered clients. `client` reads one, `known_clients` finds it, `metadata` knows the members, `keys` fetches keys.

Clients that register themselves: `registration_policy` limits what they may have, `registrations` keeps them. Clients
that show certificates: `certificates` is what they register, `shown_certificates` tells it to the TLS handshake.
"""
