"""Masks one value by its name and by its shape: a JWT, a URL, a JSON value, a string that looks like a token.

Spec: RFC 7515 3.1; RFC 7516 3.1
Role: RP, RS, AS
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from fapikit import base64url
from fapikit_viewer.masking.names import is_known, is_password, may_be_secret
from fapikit_viewer.words import is_secret, words_of

MASK: Final = "***"
SHORTEST_ECHO: Final = 6
"""A masked value that is shorter is not looked for in the answer: it would be found everywhere."""
_JWS: Final = re.compile(r"[\w-]+\.[\w-]*\.[\w-]*")
_JWE: Final = re.compile(r"[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+")
_TOKEN_LIKE: Final = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])[\w~+/=.-]{20,}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_PLAIN_NAME: Final = re.compile(r"[\w.:\[\]-]{1,64}")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/\S*|/[^\s?#]*[?#]\S*")
_WITH_NAME: Final = re.compile(r"""(?<![\w.-])([\w.-]{1,64})(["']?\s?[=:]\s?["']?)([^\s"'&,;<>]+)""")
_RUN: Final = re.compile(r"[\w~+/=.%-]+")
_ASKED_FOR: Final = frozenset({"id_token"})
"""In the parameter `claims` (OIDC Core 5.5) this is no secret: an object that says what is asked for."""
_LABELS: Final = frozenset({"name", "key", "type", "id", "field"})
_CONSTANT: Final = re.compile(r"[A-Z]{2,}(?:_[A-Z]{2,})+")
"""CONSENT_EXPIRED: the code of an error, which an API names so. A code that is a secret has not this form."""
_MAX_FIELDS: Final = 1000
_REFERENCE: Final = "urn:ietf:params:oauth:request_uri:"


class Masker:
    """Masks the values of one message and its answer. An answer that repeats a masked value is masked there too.

    `shown`: names of the caller's own fields that are no secrets.
    """

    def __init__(self, shown: Collection[str] = ()) -> None:
        self._shown = shown
        self._hidden: set[str] = set()

    # Names.

    def parameter(self, name: str, value: str) -> str:
        """The value of a form field or of a query parameter."""
        if is_secret(name):
            return self.secret(name, value)
        # Not by `look_up`: a name of a key or of metadata says nothing about a form field of somebody else.
        if name in self._shown or name in words_of("parameters"):
            return self.prose(value) if name == "error_description" else self.public(value)
        return self.hide(value)

    def name(self, name: str) -> str:
        """The name of a form field. A value may stand where a name is expected."""
        known = name in self._shown or name in words_of("parameters")
        return (
            name if known or (_PLAIN_NAME.fullmatch(name) and not self._is_token(name)) else self.hide(name)
        )

    def secret(self, name: str, value: str) -> str:
        """A secret: the claims of a JWT stay, and of a URL what is no secret in it."""
        if name == "request_uri" and value.startswith(_REFERENCE):
            self.hide(value)
            return _REFERENCE + MASK
        if _is_url(value):
            return self.url(value)
        return self.jwt(value) or self.hide(value)

    def public(self, value: str) -> str:
        """A value that may be shown. Secrets inside it may not."""
        if _is_url(value):
            return self.url(value)
        if value.lstrip()[:1] in ("{", "["):
            try:
                return to_json(self.json(json.loads(value)))
            except (ValueError, RecursionError):
                return self.hide(value)
        return self.jwt(value) or value

    def prose(self, value: str) -> str:
        """Text for people, or a value that nobody knows: as `public`, and pieces that look like a secret are masked."""
        if _is_url(value) or not re.search(r"[\s=]", value):
            return self.public(value)
        whole = self.public(value)
        return whole if whole != value else self._pieces(value)

    def _pieces(self, value: str) -> str:
        return " ".join(
            self.url(word) if _is_url(word) else _RUN.sub(lambda run: self.word(run[0]), word)
            for word in _WITH_NAME.sub(self._named, value).split(" ")
        )

    def _named(self, found: re.Match[str]) -> str:
        name, between, value = found.groups()
        # After a colon there may be prose: "invalid token: expired".
        secret = ("=" in between and self._hides_name(name)) or is_password(name)
        return f"{name}{between}{self.hide(value)}" if secret else found[0]

    def hide(self, value: str) -> str:
        if len(value) >= SHORTEST_ECHO:
            self._hidden.add(value)
        return MASK if value else ""

    def unecho(self, text: str) -> str:
        """The text without the values that were masked before."""
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    # Shapes.

    def jwt(self, value: str) -> str | None:
        """A JWT with its claims and without its signature, or None if the value is no JWT."""
        header = jwt_part(value.split(".", 1)[0]) if value.startswith("ey") else None
        if header is None:
            return None
        if _JWE.fullmatch(value):
            self.hide(value)
            return f"{value.split('.', maxsplit=1)[0]}.{MASK}"
        if not _JWS.fullmatch(value):
            return None
        first, payload, signature = value.split(".")
        self.hide(value)
        self.hide(signature)
        claims = jwt_part(payload)
        if payload and claims is None:
            payload = MASK
        elif claims is not None:
            masked = self.json(claims)
            payload = payload if masked == claims else base64url.encode(to_json(masked).encode())
        return f"{first}.{payload}.{MASK}"

    def url(self, value: str) -> str:
        """A URL. Values of its query and fragment are masked by name, and parts of the path that look like a token."""
        try:
            parts = urlsplit(value)
            query = self.form(parts.query)
            fragment = self.form(parts.fragment) if "=" in parts.fragment else self.word(parts.fragment)
            netloc = parts.netloc.rpartition("@")
        except ValueError:
            return self.hide(value)
        host = f"{MASK}@{netloc[2]}" if netloc[1] else netloc[2]
        return urlunsplit((parts.scheme, host, self.path(parts.path), query, fragment))

    def path(self, path: str) -> str:
        return "".join(self._path_part(part) for part in re.split(r"([/;])", path))

    def _path_part(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return f"{name}={self.hide(value)}" if equals and self._hides_name(name) else self.word(part)

    def word(self, part: str) -> str:
        """A piece of text without white space: masked if it looks like a token."""
        return self.hide(part) if self._is_token(part) else part

    def _is_token(self, part: str) -> bool:
        decoded = unquote(part)
        looks = _TOKEN_LIKE.fullmatch(decoded) is not None and not _is_iban(decoded)
        return looks or self.jwt(decoded) is not None

    def form(self, text: str) -> str:
        """`name=value&name=value`, masked by name. Raises ValueError for too many fields."""
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        if pairs and not re.search("[=&]", text) and pairs[0][0] not in words_of("parameters"):
            return self.hide(text)  # a value alone
        masked = [(self.name(name), self.parameter(name, value)) for name, value in pairs]
        return text if masked == pairs else urlencode(masked, safe="*:/", quote_via=quote)

    def json(self, value: Any, name: str = "", *, inside: bool = False) -> Any:
        """A JSON value, the value of the member `name`. Unknown members are masked if they look like secrets.

        `inside`: it is a part of a secret, so every member that nobody knows is masked.
        """
        if isinstance(value, dict):
            inside = inside or (self._hides_name(name) and name not in _ASKED_FOR)
            return {
                key: self.json(item, self._name_in(value, key), inside=inside) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.json(item, name, inside=inside) for item in value]
        if value is None or isinstance(value, bool):
            return value
        if name.lower() == "code" and isinstance(value, str) and _CONSTANT.fullmatch(value):
            return value
        if self._hides_name(name) or (inside and not self._is_known(name)):
            # A number under a secret name is a PIN; lifetimes have names of their own.
            return self.secret(name, str(value))
        if not isinstance(value, str):
            return value
        if self._is_known(name) and name != "error_description":
            return self.public(value)
        return MASK if self._hides_shape(value) else self.prose(value)

    def _name_in(self, members: dict[str, Any], name: str) -> str:
        """The name of a member, which a neighbour may have: {"key": "password", "value": "..."}."""
        if name.lower() == "value":
            labels = (label for other, label in members.items() if other.lower() in _LABELS)
            return next(
                (label for label in labels if isinstance(label, str) and self._hides_name(label)), name
            )
        return "name" if name.lower() == "key" and "value" in map(str.lower, members) else name

    def _hides_shape(self, value: str) -> bool:
        found = _TOKEN_LIKE.fullmatch(value) is not None and not self.jwt(value) and not _is_url(value)
        if found:
            self.hide(value)
        return found

    def _hides_name(self, name: str) -> bool:
        """Whether the value of a member is a secret by its name."""
        return may_be_secret(name) and (name not in self._shown or is_secret(name))

    def _is_known(self, name: str) -> bool:
        return name in self._shown or is_known(name)


def jwt_part(part: str) -> dict[str, Any] | None:
    """The JSON object in one part of a JWT, or None."""
    try:
        value = json.loads(base64url.decode(part))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_iban(value: str) -> bool:
    """Whether this is the number of a bank account, with the right check digits (ISO 7064)."""
    return (
        _IBAN.fullmatch(value) is not None
        and int("".join(str(int(each, 36)) for each in value[4:] + value[:4])) % 97 == 1
    )


def _is_url(value: str) -> bool:
    """Whether this is a URL of any scheme, or a reference with a query or fragment."""
    return _URL.fullmatch(value) is not None
