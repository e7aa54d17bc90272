"""The grants, one file for each: what a client sends to the token endpoint, and what comes of the answer.

`authorization_code` ends a login, `refresh_token` goes on with a token set, `client_credentials` has no user,
`device_code` is one poll of `decoupled`, `token_exchange` and `jwt_bearer` hand in a token or an assertion, and
`extension` sends a grant type that you name.
"""
