"""The honest exchange of a client with the server under test, each message of which an attack can change.

Spec: RFC 9126 2.1; RFC 6749 4.1.3; RFC 7636 4; RFC 9449 4.2, 8; RFC 9101 4
Role: AS
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from askit.attacks.party import Party
from fapikit import base64url, strict_json
from fapikit.jose.private_key import PrivateKey

SignIn: TypeAlias = Callable[[httpx.Client, str], "str | Mapping[str, str]"]
"""Takes a new browser and an authorization URL, and does what a test user does: signs in and agrees.

Returns the URL that the browser is sent back to, or the fields of the form. Raises if the server does not send it
back. The browser follows no redirects, and keeps its cookies.
"""
Form: TypeAlias = Mapping[str, "str | None"]
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Begun:
    """One login before it is sent: what its request says, and what only the client knows."""

    form: Mapping[str, str]
    verifier: str = field(repr=False)


class Exchange:
    """`other`: a second client; None: attacks that need one are not played. `seen`: the answers to the browser."""

    def __init__(
        self, issuer: str, party: Party, sign_in: SignIn, http: httpx.Client, other: Party | None
    ) -> None:
        self.issuer, self.party, self.other, self.http = issuer, party, other, http
        self._sign_in = sign_in
        self.key = PrivateKey.generate("ES256")
        self.nonce: str | None = None
        self.seen: list[httpx.Response] = []
        self.requests = 0

    @cached_property
    def metadata(self) -> dict[str, Any]:
        parts = urlsplit(self.issuer)
        path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
        found = self.http.get(f"{parts.scheme}://{parts.netloc}{path}")
        return dict(found.raise_for_status().json())

    # What a client writes.

    def jwt(self, claims: Mapping[str, Any], key: PrivateKey, **header: Any) -> str:
        members = {"alg": key.alg, "kid": key.kid, **header}
        parts = [without_none(members), without_none(claims)]
        signing_input = ".".join(base64url.encode(strict_json.dump(part)) for part in parts)
        return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"

    def assertion(self, party: Party | None = None, *, key: PrivateKey | None = None, **claims: Any) -> str:
        """The proof of who is asking. `claims`: changes; None removes one."""
        party, now = party or self.party, int(time.time())
        own = {
            "iss": party.client_id,
            "sub": party.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
        }
        members = {**own, "jti": secrets.token_urlsafe(16), **claims}
        return self.jwt(members, key or party.key, typ="client-authentication+jwt")

    def proof(
        self, method: str, url: str, *, key: PrivateKey | None = None, header: Any = None, **claims: Any
    ) -> str:
        key = key or self.key
        members = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16)}
        head = {"typ": "dpop+jwt", "jwk": dict(key.public_jwk), "kid": None, **(header or {})}
        return self.jwt({**members, "nonce": self.nonce, **claims}, key, **head)

    def begun(self, **changes: str | None) -> Begun:
        """A new authorization request. `changes`: of its parameters; None removes one."""
        party, verifier = self.party, secrets.token_urlsafe(32)
        form = {
            "client_id": party.client_id,
            "response_type": "code",
            "redirect_uri": party.redirect_uri,
            "scope": party.scope,
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": base64url.encode(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **party.further,
            **changes,
        }
        return Begun(without_none(form), verifier)

    def request_object(self, form: Mapping[str, str], *, key: PrivateKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        own = {"iss": self.party.client_id, "aud": self.issuer, "iat": now, "nbf": now, "exp": now + 60}
        members = {**form, **own, "jti": secrets.token_urlsafe(16), **claims}
        return self.jwt(members, key or self.party.key, typ="oauth-authz-req+jwt")

    # What a client sends.

    def post(
        self,
        endpoint: str,
        form: Form,
        *,
        party: Party | None = None,
        assertion: str | None = "",
        proof: Callable[[str], str | None] | None = None,
        more: tuple[tuple[str, str], ...] = (),
    ) -> httpx.Response:
        """`assertion`: "" for an honest one, None for none. `proof`: of a URL; None: an honest one. `more`: pairs."""
        url = str(self.metadata[endpoint])
        for _ in range(2):
            made = self.assertion(party) if assertion == "" else assertion
            signed = {} if made is None else {"client_assertion_type": _ASSERTION, "client_assertion": made}
            pairs = [*without_none({**form, **signed}).items(), *more]
            own = self.proof("POST", url) if proof is None else proof(url)
            headers = {"content-type": "application/x-www-form-urlencoded"}
            if own is not None:
                headers["dpop"] = own
            response = self.http.post(url, content=urlencode(pairs), headers=headers)
            self.requests += 1
            if not self._wants_nonce(response):
                break
        return response

    def _wants_nonce(self, response: httpx.Response) -> bool:
        self.nonce = response.headers.get("dpop-nonce", self.nonce)
        return response.status_code in (400, 401) and "use_dpop_nonce" in (
            response.text + response.headers.get("www-authenticate", "")
        )

    def push(self, begun: Begun, *, party: Party | None = None, **how: Any) -> httpx.Response:
        """Push a request, as this party sends them. `how`: the options of `post`."""
        form: Form = begun.form
        if self.party.signs_requests:
            form = {"client_id": begun.form["client_id"], "request": self.request_object(begun.form)}
        return self.post("pushed_authorization_request_endpoint", form, party=party, **how)

    def pushed(self, begun: Begun, **how: Any) -> str:
        """The request_uri. Raises AssertionError if the honest request is refused."""
        return str(accepted(self.push(begun, **how))["request_uri"])

    def url(self, **parameters: str) -> str:
        """An authorization URL."""
        return f"{self.metadata['authorization_endpoint']}?{urlencode(parameters)}"

    def browse(self, url: str) -> dict[str, str]:
        """The answer that a browser brings back from there. Raises what `sign_in` raises."""
        with httpx.Client(transport=_Recorder(self.http, self.seen), trust_env=False) as browser:
            came = self._sign_in(browser, url)
        self.requests += 1
        if not isinstance(came, str):
            return unpacked(dict(came))
        parts = urlsplit(came)
        return {"": came, **unpacked(dict(parse_qsl(parts.query) + parse_qsl(parts.fragment)))}

    def code_of(self, url: str) -> str | None:
        """The code that a browser brings back from there; None if there is none, for whatever reason."""
        try:
            return self.browse(url).get("code")
        except Exception:  # noqa: BLE001 - no code came, and that is all an attacker asks
            return None

    def code(self, begun: Begun, **how: Any) -> str:
        """The code of an honest login. Raises AssertionError if there is none."""
        request_uri = self.pushed(begun, **how)
        answer = self.browse(self.url(client_id=begun.form["client_id"], request_uri=request_uri))
        if "code" not in answer:
            raise AssertionError(f"the honest login brings no code, but {sorted(answer)}: make it pass first")
        return answer["code"]

    def redeem(self, begun: Begun, code: str, *, changes: Form | None = None, **how: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.form.get("redirect_uri"),
            "code_verifier": begun.verifier,
            **(changes or {}),
        }
        return self.post("token_endpoint", form, **how)

    def userinfo(self, access_token: str) -> httpx.Response | None:
        """None if this server has no UserInfo."""
        url = self.metadata.get("userinfo_endpoint")
        if url is None:
            return None
        ath = base64url.encode(hashlib.sha256(access_token.encode()).digest())
        for _ in range(2):
            headers = {"authorization": f"DPoP {access_token}", "dpop": self.proof("GET", url, ath=ath)}
            response = self.http.get(url, headers=headers)
            self.requests += 1
            if not self._wants_nonce(response):
                break
        return response


class _Recorder(httpx.BaseTransport):
    """Sends by the client of the scan, and keeps each answer."""

    def __init__(self, http: httpx.Client, seen: list[httpx.Response]) -> None:
        self._http, self._seen = http, seen

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = self._http.send(sent, follow_redirects=False)
        self._http.cookies.clear()  # they are the browser's
        self._seen.append(answer)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=kept, content=answer.content, request=request)


_OF_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def accepted(response: httpx.Response) -> dict[str, Any]:
    """The body of an honest request. Raises AssertionError."""
    if not response.is_success:
        raise AssertionError(
            f"the honest request to {response.url} was answered with {response.status_code}, so attacks show nothing:"
            f" make it pass first ({response.text[:300]})"
        )
    return dict(response.json())


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def unpacked(answer: dict[str, str]) -> dict[str, str]:
    """The parameters inside a signed answer (JARM), whose signature is not the question here."""
    if "response" not in answer:
        return answer
    return {**answer, **strict_json.parse_object(base64url.decode(answer["response"].split(".")[1]))}
