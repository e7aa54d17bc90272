"""Registered clients: `client` reads and finds them, `metadata` knows the members, `keys` fetches their keys.

Clients that register themselves: `registration_policy` limits what they may have, `registrations` keeps them.
"""
