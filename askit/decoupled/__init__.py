"""Authorization requests that nobody redirects: device authorization (RFC 8628) and CIBA. What both share.

    waiting     reads a request, and keeps it: `read_waiting_request`, `new_secret`, `start_request`
    decisions   what the user decided: `approve`, `deny`; `approve_automatically` for a server with `auto_approve`
    pending     what waits for one user (CIBA): a list of limited length, for the page of the authentication device
    polling     what a poll finds; its answer if nothing is granted, and the clock that asks for slower polls
    delivery    a decision that the client does not poll for (CIBA): the ping, or the tokens of a push
    notification  the call of the client's endpoint that tells it
    due_notices  which clients are still to be told: what outlives the process that stored the decision
    redeeming   the tokens of a poll: `redeem`
    user_codes  the codes that users type: made, read, and found with a limited number of guesses

How a further flow uses this: its endpoint authenticates the client and makes a `WaitingRequest` of `records` with
`read_waiting_request`. The client polls with a `new_secret`; `start_request` stores the request, and returns the
`OpenedRequest` whose `uri` names the request on pages. The user's page calls `open_waiting_request` of
`requests.request_uris`, then `continue_request` of `users.consent`: sign-in, step-up and consent are those of every
request, and the consent form ends in `decisions`. Its grant is a file in `grants/` that calls `redeem` with
its `PolledGrant`. Nothing is kept in a process, so any process answers.
"""
