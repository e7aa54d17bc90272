"""What each HTTP message of the demo proves, and by which clause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.demo.choices import BEARER, CIBA, CONSENTS
from examples.demo.consents import LODGED_AT
from examples.demo.world import World

if TYPE_CHECKING:
    from examples.demo.trace import Message

_NONCE = {
    "bank": ("the bank requires a nonce of its own in the proof", "RFC 9449 8"),
    "accounts": ("the API requires a nonce of its own in the proof", "RFC 9449 9"),
    "payments": ("the API requires a nonce of its own in the proof", "RFC 9449 9"),
}

# The clauses that replace those of FAPI 2 under FAPI 1.
_UNDER_FAPI_1 = {
    "FAPI2-SP 5.3.2.1-1": "FAPI1-BL 5.2.2-22",
    "FAPI2-SP 5.4.2a": "FAPI1-ADV 8.9-1",
    "FAPI2-SP 5.3.2.2-2": "RFC 9126 2.1",
    "FAPI2-SP 5.3.3.2-6": "RFC 9126 4",
    "FAPI2-SP 5.3.2.2-11": "RFC 9700 4.12",
    "FAPI2-SP 5.3.2.2-13": "FAPI1-BL 5.2.2-12",
    "FAPI2-SP 5.3.2.1-4": "FAPI1-BL 5.2.2-14",
    "FAPI2-SP 5.3.4-2": "FAPI1-BL 6.2.1-3",
    "FAPI2-SP 5.3.4-3": "FAPI1-BL 6.2.1-4",
    "FAPI2-SP 5.3.4-4": "FAPI1-BL 6.2.1-5",
    "FAPI2-SP 5.3.4-5": "FAPI1-BL 6.2.1-7",
    "FAPI2-SP 5.3.3.1-12": "FAPI1-BL 5.2.3-6",
    "FAPI2-MS 5.3.1-1": "FAPI1-ADV 5.2.2-1",
    "FAPI2-MS 5.4.1-1": "FAPI1-ADV 5.2.2-2",
}
_UNDER_CIBA = {"RFC 8628 3.5": "CIBA 11", "RFC 8628 3.3": "CIBA 10"}
_TOKENS = "tokens"
_ONE_ACCOUNT = "/accounts/..."
_CONSENTED_ACCOUNT = "/accounts/... by consent"
_BOUND = {
    "dpop": "tokens bound to the DPoP key, for one API",
    "mtls": "tokens bound to the client certificate, for one API",
    BEARER: "tokens for one API",
}

# (receiver, method, path without query) -> what each status proves. The first matching status is used.
_MEANINGS: dict[tuple[str, str, str], dict[int, tuple[str, str]]] = {
    ("bank", "GET", "/.well-known/oauth-authorization-server"): {
        200: ("endpoints come from metadata with the requested issuer", "RFC 8414 3.3")
    },
    ("bank", "GET", "/.well-known/openid-configuration"): {
        200: ("the OIDC document says the same", "FAPI2-SP 5.3.2.1-1")
    },
    ("bank", "GET", "/jwks"): {
        200: ("the bank's public keys, which this party then caches", "FAPI2-SP 5.4.2a")
    },
    ("bank", "POST", "/par"): {
        201: ("request pushed: client signed in, PKCE S256, authorization details", "FAPI2-SP 5.3.2.2-2")
    },
    ("bank", "GET", "/authorize"): {
        200: ("the browser carries client_id and request_uri, nothing else", "FAPI2-SP 5.3.3.2-6"),
        303: ("the browser goes on with GET", "FAPI2-SP 5.3.2.2-11"),
    },
    ("bank", "POST", "/login"): {
        303: ("the customer signs in; the browser goes on with GET", "FAPI2-SP 5.3.2.2-11")
    },
    ("bank", "GET", "/interaction"): {
        200: (
            "the consent page: who asks, and for what: payee and amount, or accounts",
            "FAPI2-SP 5.3.2.2-13",
        )
    },
    ("bank", "POST", "/decision"): {
        200: ("approved: its client may fetch the tokens now", "RFC 8628 3.3"),
        303: ("approved: code, state and iss go back by 303", "RFC 9207 2"),
    },
    ("bank", "POST", "/token"): {
        200: (_TOKENS, "FAPI2-SP 5.3.2.1-4"),
        400: ("the grant was revoked, or is over", "RFC 6749 5.2"),
    },
    ("bank", "GET", "/userinfo"): {200: ("sub is the ID token's", "OIDC 5.3.2")},
    ("bank", "POST", "/userinfo"): {200: ("sub is the ID token's", "OIDC 5.3.2")},
    ("bank", "POST", "/introspect"): {
        200: ("the payments API introspects this token, so it knows of a revocation", "FAPI2-SP 5.3.4-3")
    },
    ("bank", "POST", "/revoke"): {200: ("each token of the fintech is revoked", "RFC 7009 2.1")},
    ("bank", "POST", "/device_authorization"): {
        200: ("a code to show, and one to poll with, for the key of this device", "RFC 8628 3.2")
    },
    ("bank", "GET", "/device"): {200: ("the page that asks for the code", "RFC 8628 3.3")},
    ("bank", "POST", "/device"): {
        200: ("who asks, from where, and the code to compare", "RFC 8628 5.4"),
        400: ("refused: there is no such code", "RFC 8628 5.1"),
        429: ("refused: too many wrong codes", "RFC 8628 5.1"),
    },
    ("bank", "POST", "/device/confirm"): {200: ("the customer holds the device", "RFC 8628 3.3.1")},
    ("bank", "GET", "/grants"): {200: ("what the customer has granted, and to whom", "-")},
    ("bank", "POST", "/grants/end"): {303: ("the customer ends it at the bank", "-")},
    ("bank", "GET", "/grant_management/***"): {
        200: ("what the grant holds, since when, until when", "GM 6.4"),
        403: ("refused: the grant is another client's", "GM 6.6"),
        404: ("refused: the grant has ended", "GM 6.6"),
    },
    ("bank", "POST", LODGED_AT): {201: ("what the customer will be asked for is lodged before", "LODGING 1")},
    ("bank", "DELETE", "/grant_management/***"): {204: ("the client ends the grant", "GM 6.5")},
    ("bank", "GET", "/status_lists/***"): {
        200: ("the API reads which tokens have ended, and asks about none of them", "TSL 8.1")
    },
    ("bank", "GET", "/authentication_device"): {
        200: ("the phone: who asks, binding message, payee, amount", "FAPI-CIBA 5.2.2-2")
    },
    ("shop", "GET", "/"): {200: ("the shop's page", "-")},
    ("shop", "POST", "/order"): {303: ("the customer orders at the till", "-")},
    ("shop", "GET", "/order"): {200: ("the binding message, then the receipt", "-")},
    ("shop", "POST", "/ciba-notification"): {
        204: ("a ping: the customer has decided, come for the tokens", "CIBA 10.2"),
        401: ("refused: not the token of this request", "CIBA 10.2"),
    },
    ("accounts", "GET", "/accounts"): {
        200: ("JWT verified locally: signature, audience, scope, binding", "RFC 9068 4"),
        400: ("refused: a token does not travel in a URL", "FAPI2-SP 5.3.4-2"),
        401: ("refused", "FAPI2-SP 5.3.4-5"),
    },
    ("accounts", "GET", _ONE_ACCOUNT): {
        200: ("an account of this subject of this issuer, with its movements", "OIDC 5.7"),
        404: ("to this subject of this issuer, there is no such account", "OIDC 5.7"),
        401: ("refused", "FAPI2-SP 5.3.4-5"),
    },
    ("accounts", "GET", _CONSENTED_ACCOUNT): {
        200: ("the customer consented to this account", "RFC 9396 9"),
        401: ("refused: the token has ended, by the status list or its own time", "TSL 8.3"),
        403: ("refused: not what the customer consented to, or not any more", "RFC 9396 9"),
    },
    ("payments", "POST", "/payments"): {
        201: ("executed: the payment of the consent, once", "RFC 9396 9"),
        401: ("refused: the token or its proof is not valid", "FAPI2-SP 5.3.4-3"),
        403: ("refused: not what the customer consented to", "FAPI2-SP 5.3.4-4"),
        409: ("refused: this consent has been used", "RFC 9396 9"),
    },
    ("fintech", "GET", "/consents"): {200: ("what was granted, bank by bank", "-")},
    ("fintech", "GET", "/events"): {200: ("every check of the sign-in, with its clause", "-")},
    ("fintech", "GET", "/"): {200: ("the fintech's page", "-")},
    ("fintech", "POST", "/login"): {
        303: ("the customer starts it, by a form of this site", "FAPI2-SP 5.3.3.1-12")
    },
    ("fintech", "GET", "/callback"): {
        303: ("iss and state fit this browser's transaction; code exchanged", "RFC 9207 2.4")
    },
    ("fintech", "GET", "/accounts"): {
        200: ("the customer sees one account, with its movements", "-"),
        404: ("the other bank has no such account", "-"),
    },
    ("fintech", "GET", "/payments"): {
        200: ("the customer sees the receipt, and the new balance", "-"),
        502: ("the customer sees the reason", "-"),
    },
    ("fintech", "POST", "/try"): {502: ("the customer sees the reason", "-")},
    ("fintech", "GET", "/balance"): {
        200: ("the customer sees the balance, or why not", "-"),
        303: ("the app has learned that the consent has ended", "-"),
    },
    ("fintech", "POST", "/revoke"): {303: ("the customer withdraws the consent", "-")},
}

# What the notes of a message add: (status, note).
_NOTED = {
    (200, "own token"): ("a token of the client's own, of no customer", "RFC 6749 4.4"),
    (400, "another's intent"): ("refused: nobody lodged that, or another client did", "LODGING 4"),
    (400, "invalid_authorization_details"): ("refused: the bank names the member and the rule", "RFC 9396 5"),
    (400, "invalid_grant_id"): ("refused: no such grant of this client", "GM 5.4"),
    (201, "new grant"): ("request pushed: one account, in a new grant", "GM 5.2"),
    (201, "merge"): ("request pushed: one more account, into the grant", "GM 5.2"),
    (400, "authorization_pending"): ("nobody has decided yet", "RFC 8628 3.5"),
    (400, "slow_down"): ("refused: too fast, from now on 5 s more between polls", "RFC 8628 3.5"),
    (400, "expired_token"): ("refused: nobody decided in time", "RFC 8628 3.5"),
    (400, "access_denied"): ("the customer refused", "RFC 8628 3.5"),
    (400, "poll"): ("refused: the code is not this client's", "RFC 8628 3.5"),
    (200, "not here"): ("the customer has no such device: refused", "RFC 8628 5.4"),
    (200, "denied"): ("the customer refuses", "RFC 8628 3.3"),
    (200, "code in the link"): ("a link with the code asks the same questions", "RFC 8628 3.3.1"),
    (200, "signed authentication request"): (
        "signed: whom to ask, for what, and the binding message",
        "FAPI-CIBA 5.2.2-6",
    ),
    (400, "signed authentication request"): ("refused: not what the shop signed", "FAPI-CIBA 5.2.2-6"),
    (400, "plain authentication request"): ("refused: it is not signed", "FAPI-CIBA 5.2.2-6"),
    (200, "poll"): (_TOKENS, "RFC 8628 3.5"),
    (200, "request in the URL"): ("the browser carries the request, as it is", "FAPI1-BL 5.2.2-10"),
    (200, "request object in the URL"): (
        "a signed request object: nothing beside it counts",
        "FAPI1-ADV 5.2.2-10",
    ),
    (303, "answer and its ID token"): (
        "approved: the code goes back with an ID token that signs it",
        "FAPI1-ADV 5.2.2-2",
    ),
    (200, "page for the fragment"): ("a page that posts what only the browser sees", "FAPI1-ADV 5.2.3.1-3"),
    (303, "fragment"): (
        "c_hash, s_hash and nonce of the ID token hold; code exchanged",
        "FAPI1-ADV 5.2.3.1-4",
    ),
    (200, "request object"): ("a signed request object: no other parameter counts", "RFC 9101 6.3"),
    (201, "request object"): ("a signed request object: no other parameter counts", "FAPI2-MS 5.3.1-1"),
    (400, "request object"): (
        "refused: not what the fintech signed, or not as the profile says",
        "RFC 9101 6.2",
    ),
    (303, "signed redirect"): ("approved: one signed response goes back by 303", "FAPI2-MS 5.4.1-1"),
    (303, "signed response"): ("signature, iss, aud, exp and state are valid; code exchanged", "JARM 2.4"),
    (200, "signed answer"): ("the bank's answer about this token, signed for this API", "FAPI2-MS 5.5.1-1"),
}


def explain(message: Message, world: World) -> tuple[str, str]:
    """What a message proves, and the clause of the profile in force."""
    meaning, clause = _explain(message, world)
    if meaning == _TOKENS:
        meaning = _BOUND[world.binding]
    if not world.profile_name.startswith("fapi2"):
        clause = _UNDER_FAPI_1.get(clause, clause)
    if world.flow == CIBA:
        clause = _UNDER_CIBA.get(clause, clause)
    return meaning, clause


def _explain(message: Message, world: World) -> tuple[str, str]:
    receiver = "bank" if message.receiver == "bank2" else message.receiver
    if message.note == "use_dpop_nonce":
        return _NONCE[receiver]
    if (message.status, message.note) in _NOTED:
        return _NOTED[message.status, message.note]
    path = message.path.split("?")[0]
    if receiver == "accounts" and path.startswith("/accounts/"):
        path = _CONSENTED_ACCOUNT if world.flow == CONSENTS else _ONE_ACCOUNT
    if receiver == "fintech":  # the rest says which bank, or which account
        path = f"/{path.split('/')[1]}"
    found = _MEANINGS.get((receiver, message.method, path), {}).get(message.status)
    if found is not None:
        return found
    if path.startswith("/.well-known/oauth-protected-resource") and message.status == 200:
        return "the API says which bank issues its tokens", "RFC 9728 3"
    return "an unforeseen answer", "-"
