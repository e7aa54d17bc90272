"""What the page draws: the parties, and every message with its meaning, its fields, its checks and its refusal.

    {"parties": [{"name", "role", "title"}], "throwaway": bool, "full": octets or null, "entries": [
      {"id", "at", "kind": "message" or "checks", "channel": "front" or "back", "from", "to", "title", "meaning",
       "clause", "status", "ms", "refused": bool, "undecided": bool, "request": MESSAGE, "response": MESSAGE or null,
       "checks": [{"said", "clause", "passed", "outcome", "party"}],
       "error": {"rule", "clause", "said", "remedy"} or null}]}

MESSAGE is `{"line", "headers": [FIELD], "parameters": [FIELD], "body": text or null}`; FIELD is in `fields`. An entry
of the kind `checks` is about no message that was recorded: its `from` and `to` are the party that checked, and its
messages are null.

Role: RP, RS, AS
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fapikit_viewer.fields import body_fields, fields_of, query_fields
from fapikit_viewer.kinds import Content, Kinds, content_of
from fapikit_viewer.masking.message import media_type_of
from fapikit_viewer.recording import Event
from fapikit_viewer.shapes import well_formed
from fapikit_viewer.urls import parts_of
from fapikit_viewer.words import UNKNOWN, look_up

Entry: TypeAlias = dict[str, Any]

_ORDER: Final = ("browser", "device", "attacker", "client", "as", "rs")
_GOES_ON: Final = frozenset({"use_dpop_nonce", "authorization_pending", "slow_down"})
"""Errors after which the client goes on with the same request: no refusal."""
_ROLE_OF_KIND: Final[Mapping[str, str]] = {
    "api_call": "rs",
    "resource_metadata": "rs",
    "answer_arrives": "client",
    "ciba_notification": "client",
    "logout_token": "client",
    "client_page": "client",
}
_UNNAMED: Final[Mapping[str, tuple[str, str]]] = {
    "browser": ("browser", "Browser"),
    "client": ("client", "Client"),
}


class FlowView:
    """The view of a recording that grows. `add` takes new events and tells which entries are new or have changed."""

    def __init__(self) -> None:
        self._declared: dict[str, Event] = {}
        self._origins: dict[str, str] = {}
        self._messages: dict[str, Event] = {}
        self._checks: dict[str, Event] = {}
        self._order: list[str] = []
        self._about: dict[str, list[str]] = {}
        self._kinds = Kinds()
        self._entries: dict[str, Entry] = {}
        self._met: dict[str, Event] = {}
        self.throwaway = False
        self.full: int | None = None

    def add(self, events: Iterable[Event]) -> list[Entry]:
        """Take events in. Returns the entries that are new, or other than before, in the order of the view."""
        touched: set[str] = set()
        for event in events:
            touched |= self._take(event)
        changed = []
        for name in sorted(touched, key=self._order.index) if len(touched) < 50 else self._order:
            if name in touched and (entry := self._entry(name)) != self._entries.get(name):
                self._entries[name] = entry
                changed.append(entry)
        return changed

    @property
    def parties(self) -> list[dict[str, str]]:
        """Who takes part: from the browser on the left to the APIs on the right."""
        known = [*self._declared.values(), *self._met.values()]
        return sorted(
            ({"name": party["name"], "role": party["role"], "title": party["title"]} for party in known),
            key=lambda party: _ORDER.index(party["role"]),
        )

    def whole(self) -> dict[str, Any]:
        """The whole view."""
        return {
            "parties": self.parties,
            "throwaway": self.throwaway,
            "full": self.full,
            "entries": [self._entries[name] for name in self._order if name in self._entries],
        }

    # Events.

    def _take(self, event: Event) -> set[str]:
        """Take one event in. Returns the ids of the entries that it touches; none if it cannot be read."""
        if well_formed(event):
            match event["kind"]:
                case "party":
                    return self._take_party(event)
                case "message":
                    return self._take_message(event)
                case "checks":
                    return self._take_checks(event)
                case "keys":
                    self.throwaway = self.throwaway or event["throwaway"]
                case "full":
                    self.full = int(event["limit"])
        return set()

    def _take_party(self, event: Event) -> set[str]:
        if self._declared.get(event["name"]) == event:
            return set()
        self._declared[event["name"]] = event
        self._origins.update(dict.fromkeys(event.get("origins", ()), event["name"]))
        self._met.clear()
        return set(self._order)

    def _take_message(self, event: Event) -> set[str]:
        name = event["id"]
        known = self._messages.get(name)
        if known is not None and _target(known) != _target(event):
            # Whoever sends a request can choose its id. No message may take the place of another.
            name = f"{name} {' '.join(_target(event))}"
            known = self._messages.get(name)
        self._messages[name] = event if known is None else _completed(known, event)
        if known is None:
            self._order.append(name)
        if self._kinds.learn(self._content(self._messages[name])):
            self._met.clear()
            return set(self._order)
        return {name}

    def _take_checks(self, event: Event) -> set[str]:
        name, about = event["id"], event["about"]
        if name in self._checks:
            return set()
        self._checks[name] = event
        if about is None:
            self._order.append(name)
            return {name}
        self._about.setdefault(about, []).append(name)
        return {about} if about in self._messages else set()

    # Parties.

    def _party(self, named: str, content: Content | None = None, *, receives: bool = True) -> str:
        """The party with this name or at this origin. One that nobody has introduced is met here."""
        name = self._origins.get(named, named)
        if name in self._declared:
            return name
        role, title = "rs", parts_of(named).netloc or named
        if named in _UNNAMED:
            role, title = _UNNAMED[named]
            known = [party["name"] for party in self._declared.values() if party["role"] == role]
            if len(known) == 1:
                return str(known[0])
        elif named in self._kinds.issuers:
            role = "as"
        elif content is not None:
            role = _ROLE_OF_KIND.get(self._kinds.kind_of(content), "as" if receives else "client")
        self._met.setdefault(name, {"name": name, "role": role, "title": title})
        return name

    def _role(self, named: str) -> str:
        name = self._origins.get(named, named)
        party = self._declared.get(name) or self._met.get(name)
        if party is None:
            return "as" if named in self._kinds.issuers else _UNNAMED.get(named, ("",))[0]
        return str(party["role"])

    def _content(self, event: Event) -> Content:
        return content_of(event, (self._role(event["from"]), self._role(event["to"])))

    # Entries.

    def _entry(self, name: str) -> Entry:
        if name in self._checks:
            return self._checks_entry(self._checks[name])
        event = self._messages[name]
        content = self._content(event)
        checks = [self._checks[check] for check in self._about.get(name, ())]
        sender = self._party(event["from"], content, receives=False)
        receiver = self._party(event["to"], content)
        error = _error_of(content, checks, receiver)
        stopped = error is not None and error["rule"] not in _GOES_ON
        undecided = stopped and _is_undecided(checks, content.status)
        kind = self._kinds.kind_of(content)
        word = look_up("messages", kind) or UNKNOWN
        meaning, clause = (error["said"], error["clause"]) if error else (word.said, word.clause)
        path = parts_of(event["request"]["url"]).path or "/"
        return {
            "id": name,
            "at": event["at"],
            "kind": "message",
            "channel": event["channel"],
            "from": sender,
            "to": receiver,
            "title": f"{event['request']['method']} {path}",
            "meaning": meaning or word.said,
            "clause": clause or word.clause,
            "status": content.status,
            "ms": event.get("ms"),
            "refused": stopped and not undecided,
            "undecided": undecided,
            "request": _request(event["request"]),
            "response": _response(event.get("response")),
            "checks": [line for check in checks for line in _lines(check)],
            "error": error,
        }

    def _checks_entry(self, event: Event) -> Entry:
        party = self._party(event["party"])
        error = _error_event(event)
        lines = _lines(event)
        return {
            "id": event["id"],
            "at": event["at"],
            "kind": "checks",
            "channel": "back",
            "from": party,
            "to": party,
            "title": f"{len(lines)} checks" if len(lines) != 1 else "1 check",
            "meaning": error["said"] if error else "What this party has checked, each with its clause.",
            "clause": error["clause"] if error else "",
            "status": None,
            "ms": None,
            "refused": event["outcome"] == "refused",
            "undecided": event["outcome"] == "undecided",
            "request": None,
            "response": None,
            "checks": lines,
            "error": error,
        }


def view_of(events: Iterable[Event]) -> dict[str, Any]:
    """The view of these events."""
    view = FlowView()
    view.add(events)
    return view.whole()


def _completed(known: Event, later: Event) -> Event:
    """A message that came again: the sender's record wins, and the later one fills in what it lacks."""
    first, second = (later, known) if later.get("by") == "sender" != known.get("by") else (known, later)
    return {**first, **{name: second.get(name) for name in ("response", "ms") if first.get(name) is None}}


def _target(event: Event) -> tuple[str, str]:
    # Without a path a URL means "/" (RFC 9110 4.2.3), and that is what its receiver sees.
    return event["request"]["method"], parts_of(event["request"]["url"]).path or "/"


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    parameters, body = body_fields(request["body"], media_type_of(request["headers"]))
    return {
        "line": f"{request['method']} {request['url']}",
        "headers": fields_of("headers", request["headers"]),
        "parameters": [*query_fields(request["url"]), *parameters],
        "body": body,
    }


def _response(response: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if response is None:
        return None
    parameters, body = body_fields(response["body"], media_type_of(response["headers"]))
    location = next((value for name, value in response["headers"] if name.lower() == "location"), "")
    return {
        "line": _status_line(response["status"]),
        "headers": fields_of("headers", response["headers"]),
        "parameters": [*query_fields(location), *parameters],
        "body": body,
    }


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _lines(event: Event) -> list[dict[str, Any]]:
    return [
        {
            "said": line["said"],
            "clause": line["clause"],
            "passed": line["passed"],
            "outcome": str(line.get("outcome") or ("passed" if line["passed"] else "failed")),
            "party": event["party"],
        }
        for line in event["checks"]
    ]


def _error_event(event: Event) -> dict[str, str] | None:
    error = event["error"]
    if error is None:
        return None
    return {
        "rule": error.get("code") or error["class"],
        "clause": error["clause"],
        "said": error["said"],
        "remedy": error["remedy"],
    }


def _error_of(content: Content, checks: list[Event], receiver: str) -> dict[str, str] | None:
    """Why a message was refused: what the party that refused says itself, else what its answer says."""
    for event in sorted(checks, key=lambda event: event["party"] != receiver):
        told = _error_event(event)
        if told is not None:
            return told
    code = content.error or _challenged(content)
    if code is None and (content.status is None or content.status < 400):
        return None
    word = look_up("codes", code or str(content.status)) or look_up("codes", str(content.status)) or UNKNOWN
    said = str(content.answer.get("error_description") or "")
    return {
        "rule": code or str(content.status),
        "clause": word.clause,
        "said": " ".join(filter(None, (word.said, said and f"It says: {said}"))),
        "remedy": "",
    }


def _is_undecided(checks: list[Event], status: int | None) -> bool:
    """Who cannot decide answers 503. That is no refusal: the same request may pass later."""
    return status == HTTPStatus.SERVICE_UNAVAILABLE or any(
        check["outcome"] == "undecided" for check in checks
    )


def _challenged(content: Content) -> str | None:
    _, found, rest = content.challenge.partition('error="')
    return rest.partition('"')[0] if found else None
