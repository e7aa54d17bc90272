"""Requests that the user decides on another device: device authorization and CIBA.

`request` is what they have in common, with the sealed state that another process can go on with. `polling` has the
rules of the polls. `wait` ends in a login. `client_methods` is how a client starts them. `device_authorization` is
RFC 8628. CIBA: `authentication_request` starts it, `ciba_request` is what waits; `notifications` keeps pings and
pushes, `notified` waits for them, `pushed_tokens` reads a push.
"""
