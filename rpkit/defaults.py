"""The defaults of the settings that the application leaves out: those of the profile, then those of this package.

Spec: FAPI2-MS 5.3.2, 5.4.2-1; RFC 9101 4b; FAPI1-ADV 5.2.2-5
Role: C
"""

from __future__ import annotations

from typing import Any, Final

from fapikit.clauses import citing
from fapikit.client_authentication import ClientAuthentication
from fapikit.io import HttpSettings
from fapikit.io.transport import settings_of
from fapikit.profiles import Profile, profile_of
from fapikit.setting_types import require_text_settings
from fapikit.stores.memory import MemoryStore
from rpkit.registration.keys import signer_now
from rpkit.settings import HYBRID, ClientOptions, ClientSettings
from rpkit.tokens.token_store import TokenStore

_BACKCHANNEL_ALG: Final = "backchannel_authentication_request_signing_alg"


def client_settings(
    *,
    client_id: str,
    auth: ClientAuthentication,
    redirect_uri: str | None,
    profile: Profile | str,
    options: ClientOptions,
    http: HttpSettings | None = None,
) -> ClientSettings:
    """Fill in the defaults. Raises ConfigurationError, ForbiddenByProfile."""
    chosen = profile_of(profile)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    texts = {"client_id": client_id, "redirect_uri": redirect_uri, **given}
    require_text_settings(ClientSettings, texts, of="Client")
    if "sender_constraint" in options:
        given["sender_constraint"] = options["sender_constraint"]
    elif len(chosen.sender_constraints) == 1:
        (given["sender_constraint"],) = chosen.sender_constraints
    for name, make in (("store", MemoryStore), ("token_store", TokenStore.in_memory)):
        if name not in given:
            given[name] = make()
    given.setdefault("signed_requests", chosen.request_object_required)
    if chosen.jarm_required:
        given.setdefault("response_mode", "jwt")
    if chosen.response_signature_required and "jwt" not in given.get("response_mode", ""):
        given.setdefault("response_type", HYBRID)
    own_alg = options.get(_BACKCHANNEL_ALG)
    if (given["signed_requests"] or own_alg is not None) and "request_signer" not in given:
        given["request_signer"] = getattr(auth, "signer", None)
    if _BACKCHANNEL_ALG not in options and given["signed_requests"] and given["request_signer"] is not None:
        own_alg = signer_now(given["request_signer"]).alg
    given[_BACKCHANNEL_ALG] = own_alg
    with citing(chosen):
        return ClientSettings(
            client_id=client_id,
            auth=auth,
            redirect_uri=redirect_uri,
            profile=chosen,
            client_certificate=settings_of(http).client_certificate,
            may_show_certificate=settings_of(http).may_show_certificate,
            **given,
        )
