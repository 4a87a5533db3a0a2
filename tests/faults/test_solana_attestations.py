"""The daemon's own attestation, replayed and tampered with, at Solana's rescue program."""

import json
from dataclasses import astuple, dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.solana.rescue import build_unified_rescue
from daemon.devnet.solana.sending import TransactionRefused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import HealthAttestation
from proofs.typed import digest_struct, hash_text
from tests.chains.solana.programs.rescue_scene import REFUSALS
from tests.support.solana_stage import ALICES_KEY
from tests.support.solana_story import SOLANA, SolanaStory
from tests.support.stage import ATTESTER_KEY, DEPLOYMENT

pytestmark = pytest.mark.net

SEND = "sendTransaction"
USDC = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """The rescue program, asked by the keeper to repay for Alice behind an attestation."""

    story: SolanaStory
    bitmap: int

    def refuse(self, header: HealthAttestation, proof: bytes) -> str:
        """Give the program's reason not to act; AssertionError where it would."""
        solana = self.story.solana
        actors = solana.chain.actors
        obligation = actors.read_obligation(ALICES_KEY.pubkey())
        reserves = [actors.read_reserve(symbol) for symbol in ("SOL", "USDC")]
        rescue = build_unified_rescue(
            solana.rescue,
            solana.debt,
            keeper=solana.keeper,
            committee=Pubkey.from_string(str(actors.deployment.committee)),
            units=100 * USDC,
            attestation_fields=astuple(header),
            bitmap=self.bitmap,
            proof=proof,
        )
        numbers = json.loads(solana.folder.solana_keypair.read_text())
        keeper = Keypair.from_bytes(bytes(numbers))
        states = {reserve.keys.reserve: reserve for reserve in reserves}
        with pytest.raises(TransactionRefused) as refused:
            solana.post(keeper, *actors.builder.refresh(obligation, states), rescue)
        error: Any = refused.value.error
        return REFUSALS[error["InstructionError"][1]["Custom"]]

    def refuse_signed(self, header: HealthAttestation) -> str:
        """Give the reason not to act on a header that the committee's own key signed."""
        digest = digest_struct(header, hash_text(DEPLOYMENT))
        return self.refuse(header, Secp256k1Signer(ATTESTER_KEY).sign(digest))


async def test_an_attestation_serves_its_own_account_set_and_serves_it_once(
    indebted: SolanaStory,
) -> None:
    story, daemon = indebted, await indebted.begin()
    story.proxy.hang(SEND)
    await story.shock("WETH", -30)
    await story.until(lambda: asked(story), "the rescue is being sent", SOLANA)
    await daemon.kill()
    story.proxy.heal()
    envelope = story.carried()
    header, proof = envelope.header, envelope.proof
    consumer = Consumer(story=story, bitmap=envelope.bitmap)
    changes: dict[str, Any] = {"health_factor_e18": header.health_factor_e18 - 1}
    others = replace(header, account_set_root=bytes(keccak(b"other accounts")))
    assert {
        "a lower figure": consumer.refuse(replace(header, **changes), proof),
        "a flipped byte": consumer.refuse(header, bytes([proof[0] ^ 1, *proof[1:]])),
        "of other accounts": consumer.refuse_signed(others),
    } == {
        "a lower figure": "WRONG_SIGNER",
        "a flipped byte": "WRONG_SIGNER",
        "of other accounts": "WRONG_SIGNER",
    }

    await daemon.start()
    await story.until_settled()
    assert consumer.refuse(header, proof) == "SEQUENCE_USED", "a replay"
    assert len(story.solana_rescues()) == 1


async def asked(story: SolanaStory) -> bool:
    return story.proxy.counts[SEND] > 0
