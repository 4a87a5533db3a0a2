"""The daemon's own attestation, tampered with, at the contract that spends an owner's money."""

from dataclasses import astuple, dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from chains.evm.rescue import build_unified_rescue, calculate_mandate_id
from chains.evm.reverts import decode_revert
from chains.model.action import Instrument
from chains.model.snapshot import MandateKind
from daemon.devnet.rpc import RpcFailure
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import HealthAttestation
from proofs.typed import digest_struct, hash_text
from tests.support.rescue import read_time
from tests.support.stage import ALICE, ATTESTER_KEY, DEPLOYMENT
from tests.support.story import Story

pytestmark = pytest.mark.net

SEND = "eth_sendRawTransaction"
ACCEPTED = "accepted"
ELSEWHERE = "another-deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """rescue.vy on the cheap chain, asked as the keeper whether it would act on an attestation."""

    story: Story
    bitmap: int

    def judge(self, header: HealthAttestation, proof: bytes) -> str:
        """Give "accepted" or the contract's reason; nothing is sent."""
        chain, stage = self.story.cheap, self.story.stage
        weth = chain.deployment.tokens["WETH"].address
        pool = chain.deployment.aave.pool
        call = build_unified_rescue(
            stage.contracts[chain.name].rescue,
            owner=ALICE,
            mandate_id=calculate_mandate_id(ALICE, pool, MandateKind.UNIFIED, weth),
            instrument=Instrument.SUPPLY,
            units=10**18,
            attestation_fields=astuple(header),
            bitmap=self.bitmap,
            proof=proof,
        )
        asked = {"from": stage.keeper, "to": call.target, "data": "0x" + call.data.hex()}
        try:
            chain.rpc.request("eth_call", asked, "latest")
        except RpcFailure as failure:
            return decode_revert(bytes.fromhex(str(failure.data)[2:]), message="no reason")
        return ACCEPTED

    def judge_signed(self, header: HealthAttestation, deployment: str = DEPLOYMENT) -> str:
        """Judge a header that the committee's own key signed for a deployment."""
        digest = digest_struct(header, hash_text(deployment))
        return self.judge(header, Secp256k1Signer(ATTESTER_KEY).sign(digest))


async def test_every_attack_on_an_attestation_is_refused_for_its_own_reason(story: Story) -> None:
    story.stage.set_mandate("cheap", MandateKind.UNIFIED, "WETH", max_age_s=600)
    daemon = await story.begin()
    story.proxies["cheap"].hang(SEND)
    await story.shock("WETH", -30)
    await story.wait(lambda: asked(story), "the rescue is being sent")
    await daemon.kill()
    story.proxies["cheap"].heal()
    envelope = story.carried()
    header, proof = envelope.header, envelope.proof
    consumer = Consumer(story=story, bitmap=envelope.bitmap)
    foreign = Committee.first(ELSEWHERE, [story.stage.attester], 1)

    found = {
        "as it is": consumer.judge(header, proof),
        "a flipped byte of the figure": consumer.judge(flip(header), proof),
        "a flipped byte of the signature": consumer.judge(header, flip_byte(proof)),
        "of another deployment": consumer.judge_signed(
            replace(header, committee_id=foreign.id), ELSEWHERE
        ),
        "of another deployment, posing as ours": consumer.judge_signed(header, ELSEWHERE),
        "for another consumer": consumer.judge_signed(
            replace(header, audience=bytes(keccak(b"another consumer")))
        ),
        "of other accounts": consumer.judge_signed(
            replace(header, account_set_root=bytes(keccak(b"other accounts")))
        ),
    }
    assert found == {
        "as it is": ACCEPTED,
        "a flipped byte of the figure": "signer",
        "a flipped byte of the signature": "signer",
        "of another deployment": "committee",
        "of another deployment, posing as ours": "signer",
        "for another consumer": "audience",
        "of other accounts": "root",
    }

    await daemon.start()
    await story.until_settled()
    assert consumer.judge(header, proof) == "sequence", "a replay"
    await daemon.kill()
    unused = replace(header, sequence=header.sequence + 1_000)
    assert consumer.judge_signed(unused) == "acted", "signed before what was done"
    now, ttl = read_time(story.cheap), header.expires_at - header.issued_at
    story.cheap.advance(ttl + 1)
    late = replace(unused, issued_at=now + 1, expires_at=now + ttl)
    assert consumer.judge_signed(late) == "expired"


async def asked(story: Story) -> bool:
    return story.proxies["cheap"].counts[SEND] > 0


def flip(header: HealthAttestation) -> HealthAttestation:
    changes: dict[str, Any] = {"health_factor_e18": header.health_factor_e18 ^ 1}
    return replace(header, **changes)


def flip_byte(proof: bytes) -> bytes:
    return bytes([proof[0] ^ 1, *proof[1:]])
