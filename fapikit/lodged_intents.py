"""The shapes of a lodged intent: where its members are, the words for its states, and how a request names it.

A client lodges what it wants at the bank, and gets an id. Its authorization request names that id: UK Open Banking by
the claim `openbanking_intent_id`, Brazil and the Berlin Group by a scope that contains the id.

Spec: LODGING 1, 2, 6, 8
Role: C, AS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

State: TypeAlias = Literal["awaiting", "authorised", "rejected", "lapsed", "revoked", "withdrawn"]
"""`revoked`: by its client. `withdrawn`: the user has ended it at the bank."""
Path: TypeAlias = tuple[str, ...]

IDEMPOTENCY_KEY: Final = "x-idempotency-key"
"""The header that tells a retry from a new intent, as UK Open Banking and Open Finance Brasil name it."""
INTENT_CLAIM: Final = "openbanking_intent_id"
"""The claim that names an intent in a request, and that binds the ID token to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentShape:
    """One kind of lodged intent. Paths lead to members of the JSON that the bank's API takes and returns.

    `content`: the object that the user agrees to. `user_documents`: by a claim of the user, where in that object the
    document is that the user must have. `id_is_urn`: the id is a URN of the bank's. `end`: when the client wants it to
    end. `end_is_bounded`: the bank sets an earlier end instead of refusing one that is too late. `scope_prefix`: the
    intent is named by a scope, which has this before the id; empty: by the claim. `words`: the status on the wire, by
    state. `further_words`: those of other versions. `deletable`: its client may end it by DELETE. `gone`: after that,
    GET is refused.
    """

    name: str
    content: Path = ()
    user_documents: Mapping[str, Path] = field(default_factory=dict)
    id: Path
    id_is_urn: bool = False
    status: Path
    end: Path = ()
    end_is_bounded: bool = False
    created: Path = ()
    changed: Path = ()
    link: Path
    scope_prefix: str = ""
    words: Mapping[State, str]
    further_words: Mapping[str, State]
    deletable: bool = True
    gone: bool = False

    def state_of(self, word: object) -> State | None:
        """The state that a status on the wire means; None: a word of another version."""
        known = {told: state for state, told in reversed(list(self.words.items()))} | dict(self.further_words)
        return known.get(word) if isinstance(word, str) else None


_UK_CONSENT: Final[dict[str, Any]] = {
    "id": ("Data", "ConsentId"),
    "status": ("Data", "Status"),
    "created": ("Data", "CreationDateTime"),
    "changed": ("Data", "StatusUpdateDateTime"),
    "link": ("Links", "Self"),
    "words": {
        "awaiting": "AWAU",
        "authorised": "AUTH",
        "rejected": "RJCT",
        "lapsed": "EXPD",
        "revoked": "CANC",
        "withdrawn": "CANC",
    },
    "further_words": {
        "AwaitingAuthorisation": "awaiting",
        "Authorised": "authorised",
        "Rejected": "rejected",
        "Revoked": "revoked",
        "Expired": "lapsed",
    },
}

UK_ACCOUNT_ACCESS: Final = IntentShape(
    name="uk-account-access",
    content=("Data",),
    end=("Data", "ExpirationDateTime"),
    gone=True,
    **_UK_CONSENT,
)
UK_DOMESTIC_PAYMENT: Final = IntentShape(
    name="uk-domestic-payment",
    content=("Data", "Initiation"),
    deletable=False,
    **_UK_CONSENT,
)
BRAZIL_CONSENT: Final = IntentShape(
    name="brazil-consent",
    content=("data",),
    user_documents={
        "cpf": ("data", "loggedUser", "document", "identification"),
        "cnpj": ("data", "businessEntity", "document", "identification"),
    },
    id=("data", "consentId"),
    id_is_urn=True,
    status=("data", "status"),
    end=("data", "expirationDateTime"),
    created=("data", "creationDateTime"),
    changed=("data", "statusUpdateDateTime"),
    link=("links", "self"),
    scope_prefix="consent:",
    words={
        "awaiting": "AWAITING_AUTHORISATION",
        "authorised": "AUTHORISED",
        "rejected": "REJECTED",
        "lapsed": "REJECTED",
        "revoked": "REJECTED",
        "withdrawn": "REJECTED",
    },
    further_words={"AUTHORIZED": "authorised", "AWAITING_AUTHORIZATION": "awaiting"},
)
BERLIN_GROUP_CONSENT: Final = IntentShape(
    name="berlin-group-consent",
    id=("consentId",),
    status=("consentStatus",),
    end=("validUntil",),
    end_is_bounded=True,
    link=("_links", "self", "href"),
    scope_prefix="AIS:",
    words={
        "awaiting": "received",
        "authorised": "valid",
        "rejected": "rejected",
        "lapsed": "expired",
        "revoked": "terminatedByTpp",
        "withdrawn": "revokedByPsu",
    },
    further_words={},
)
BERLIN_GROUP_PAYMENT: Final = IntentShape(
    name="berlin-group-payment",
    id=("paymentId",),
    status=("transactionStatus",),
    link=("_links", "self", "href"),
    scope_prefix="PIS:",
    words={
        "awaiting": "RCVD",
        "authorised": "ACTC",
        "rejected": "RJCT",
        "lapsed": "RJCT",
        "revoked": "CANC",
        "withdrawn": "CANC",
    },
    further_words={"ACCP": "authorised", "ACSP": "authorised", "ACSC": "authorised", "ACCC": "authorised"},
)

SHAPES: Final[Mapping[str, IntentShape]] = {
    shape.name: shape
    for shape in (
        UK_ACCOUNT_ACCESS,
        UK_DOMESTIC_PAYMENT,
        BRAZIL_CONSENT,
        BERLIN_GROUP_CONSENT,
        BERLIN_GROUP_PAYMENT,
    )
}


def member_at(value: Any, path: Path) -> Any:
    """The member at this path; None if there is none."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def with_member(value: Mapping[str, Any], path: Path, member: Any) -> dict[str, Any]:
    """A copy with this member. Objects on the way are made, where there is none."""
    name, *rest = path
    inner = value.get(name)
    if rest:
        member = with_member(inner if isinstance(inner, Mapping) else {}, tuple(rest), member)
    return {**value, name: member}
