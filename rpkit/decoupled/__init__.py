"""Requests that the user decides on another device: device authorization and CIBA.

`request` is what they have in common, with the sealed state that another process can go on with. `polling` has the
rules of the polls. `wait` ends in a login. `device_authorization` is RFC 8628.
"""
