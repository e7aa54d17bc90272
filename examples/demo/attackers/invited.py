"""Chooses the attackers by the demo's flow, profile and binding."""

from __future__ import annotations

from examples.demo.attackers.attacker import Attacker
from examples.demo.attackers.bearer_thief import BearerThief
from examples.demo.attackers.certificate_thief import CertificateThief
from examples.demo.attackers.code_thief import CodeThief
from examples.demo.attackers.consent_stretcher import ConsentStretcher
from examples.demo.attackers.device_phisher import DevicePhisher
from examples.demo.attackers.hybrid_forger import HybridForger
from examples.demo.attackers.message_forger import MessageForger
from examples.demo.attackers.mixer import Mixer
from examples.demo.attackers.proof_thief import ProofThief
from examples.demo.attackers.shop_forger import ShopForger
from examples.demo.choices import CIBA, CONSENTS, DEVICE
from examples.demo.world import World

_THIEVES = {"dpop": ProofThief, "mtls": CertificateThief, "none": BearerThief}


def attackers_of(world: World) -> list[Attacker]:
    if world.flow == DEVICE:
        return [DevicePhisher(world)]
    if world.flow == CONSENTS:
        return [ConsentStretcher(world)]
    if world.flow == CIBA:
        return [ShopForger(world)]
    attackers: list[Attacker] = [_THIEVES[world.binding](world)]
    if world.profile.jarm_required:
        attackers.append(MessageForger(world))
    elif world.hybrid:
        attackers.append(HybridForger(world))
    elif world.profile_name == "fapi1-baseline":
        attackers.append(CodeThief(world))
    attackers.append(Mixer(world))
    return attackers
