"""Registered clients: `client` reads and finds them, `metadata` knows the members, `keys` fetches what they host.

Those that register themselves: `registration_policy` says what they may have, `registrations` keeps them.
"""
