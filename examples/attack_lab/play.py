"""Plays an attack twice, and judges both plays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from examples.attack_lab.answers import NothingCame, Refused
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.lab import Lab
from examples.attack_lab.refusals import Listener
from examples.attack_lab.stopped import Stopped
from examples.attack_lab.story import Step, Story
from fapikit import FapiError
from fapikit.errors import PeerRefused


@dataclass(frozen=True)
class Outcome:
    """How one play ended. `loot`: what the attacker has in the end, if nobody stopped him."""

    loot: str | None
    stopped: Stopped | None
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        if self.stopped is None:
            return f"succeeded: Mallory has {self.loot}"
        return f"was stopped by {self.stopped.named}: {self.stopped.message}"


@dataclass(frozen=True)
class Played:
    """Both plays of an attack."""

    attack: Attack
    undefended: Outcome
    defended: Outcome

    @property
    def succeeds_undefended(self) -> bool:
        return self.undefended.loot == self.attack.loot

    @property
    def is_stopped(self) -> bool:
        """Whether the toolkit stopped it by the rule that the attack names, and by no other."""
        stopped = self.defended.stopped
        return stopped is not None and stopped[:2] == (self.attack.rule, self.attack.clause)

    @property
    def problems(self) -> list[str]:
        """What differs from what the attack promises. Empty if all is well."""
        found = []
        if not self.succeeds_undefended:
            found.append(f"{self.attack.id} proves nothing: without the defence it {self.undefended}")
        if not self.is_stopped:
            promised = f"{self.attack.rule} [{self.attack.clause}]"
            found.append(f"{self.attack.id} was not stopped by {promised}: it {self.defended}")
        return found


def play(attack: Attack, lab: Lab) -> Played:
    """Play both ways."""
    return Played(attack, once(attack.undefended, lab), once(attack.defended, lab))


def once(function: Play, lab: Lab, listener: Callable[[Step], None] | None = None) -> Outcome:
    """One play. An exception that is no refusal is a fault of the lab, and is raised."""
    story = Story(listener)
    with Listener() as refusals:
        try:
            with lab.one_play():
                loot = function(lab, story)
        except PeerRefused as error:  # the peer's own refusal names the rule
            return Outcome(None, (refusals.heard or [Stopped.by(error)])[-1], tuple(story.steps))
        except FapiError as error:
            return Outcome(None, Stopped.by(error), tuple(story.steps))
        except NothingCame as nothing:
            stopped = Stopped(type(nothing).__name__, nothing.clause, nothing.words)
            return Outcome(None, stopped, tuple(story.steps))
        except Refused as refused:
            unheard = Stopped(f"status {refused.status}", "", refused.words)
            stopped = refusals.heard[-1] if refusals.heard else unheard
            return Outcome(None, stopped, tuple(story.steps))
    return Outcome(loot, None, tuple(story.steps))
