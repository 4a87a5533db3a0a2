"""An owner with a debt in our lending program, idle tokens, a keeper, and a committee."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction_metadata import TransactionMetadata

from chains.model.ids import AccountId
from chains.model.snapshot import Mandate, MandateKind
from chains.model.units import USD, WAD, Wad
from chains.solana.committees import CommitteeTerms, build_committee, derive_committee
from chains.solana.programs.build import FOLDER
from chains.solana.programs.instructions import OraclePrice, ReserveAccounts, Terms
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from chains.solana.protocols.save.math import calculate_health
from chains.solana.rescue import (
    Debt,
    MandateTerms,
    OwnerPlace,
    Rescued,
    build_approve,
    build_native_rescue,
    build_set_mandate,
    build_unified_rescue,
    decode_rescued,
    derive_source,
    plan_funds,
)
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import HealthAttestation
from proofs.typed import digest_struct
from tests.chains.solana.programs.lab import Lab, Refused
from tests.chains.solana.protocols.save.building import CHAIN, MarketLab, Owner

RESCUE = Pubkey(b"Rescue" + b"r" * 26)
SOL, USDC = 10**9, 10**6
DEPLOYMENT = "plimsoll-test"
SALT = keccak(DEPLOYMENT.encode())
ROOT = keccak(b"an account set")
MAX_TTL_S = 120
SIGNERS = sorted(
    (Secp256k1Signer(bytes([i]) * 32) for i in range(1, 20)), key=lambda s: int(s.address, 16)
)
_CODE = re.compile(r"^  ([A-Z_]+) = (\d+),$", re.MULTILINE)
REFUSALS: dict[int | None, str] = {
    int(number): name for name, number in _CODE.findall((FOLDER / "rescue_state.h").read_text())
}
"""The program's error numbers by their names in its source."""


@dataclass
class RescueScene:
    """SOL at 150 USD and USDC; the owner holds 100 SOL, owes 10,000 USDC, has 50,000 idle."""

    market: MarketLab
    sol: ReserveAccounts
    usdc: ReserveAccounts
    whale: Owner
    owner: Owner
    keeper: Keypair
    signers: list[Secp256k1Signer] = field(default_factory=lambda: SIGNERS[:1])
    threshold: int = 1

    @property
    def lab(self) -> Lab:
        return self.market.lab

    @property
    def now(self) -> int:
        return self.market.now

    @property
    def wallet(self) -> Pubkey:
        return self.owner.key.pubkey()

    @property
    def debt(self) -> Debt:
        return Debt(
            owner=self.wallet,
            obligation=self.owner.obligation,
            lending=LENDING,
            market=self.market.setup.market,
            reserve=self.usdc.reserve,
            supply=self.usdc.supply,
            mint=self.usdc.mint,
        )

    @property
    def source(self) -> Pubkey:
        return derive_source(self.wallet, self.usdc.mint)

    @property
    def committee_terms(self) -> CommitteeTerms:
        return CommitteeTerms(
            salt=SALT,
            members=tuple(signer.address for signer in self.signers),
            threshold=self.threshold,
            max_ttl_s=MAX_TTL_S,
        )

    @property
    def committee(self) -> Pubkey:
        return derive_committee(RESCUE, self.committee_terms)

    def use_committee(self, members: int, threshold: int) -> None:
        """Let another committee sign, and create it unless it is there."""
        self.signers, self.threshold = SIGNERS[:members], threshold
        if self.lab.find(self.committee) is None:
            payer = self.lab.payer.pubkey()
            self.lab.send(build_committee(RESCUE, payer, self.committee_terms))

    # The owner's side

    def fund(self, units: int = 50_000 * USDC, approved: int | None = None) -> None:
        """Give the owner idle tokens at their conventional account, and approve the program."""
        self.lab.token(self.usdc.mint, self.wallet, units, at=self.source)
        allowed = units if approved is None else approved
        self.lab.send(
            build_approve(RESCUE, self.wallet, self.usdc.mint, allowed), by=(self.owner.key,)
        )

    def crash(self, usd: float) -> None:
        """Set the price of SOL."""
        price = OraclePrice(price=int(usd * USD), published_at=self.now)
        self.market.publish(self.sol, price)

    def terms(self, kind: MandateKind = MandateKind.NATIVE, **changes: Any) -> MandateTerms:  # noqa: ANN401 -- any field
        """Trigger 1.10 and target 1.20; unified 1.50 and 1.60."""
        native = kind is MandateKind.NATIVE
        terms = MandateTerms(
            kind=kind,
            keeper=self.keeper.pubkey(),
            trigger=Wad((110 if native else 150) * WAD // 100),
            target=Wad((120 if native else 160) * WAD // 100),
            per_action=20_000 * USDC,
            per_day=30_000 * USDC,
            deadline=self.now + 10 * 86_400,
            account_set_root=bytes(32) if native else ROOT,
            committee=None if native else self.committee,
            max_age_s=0 if native else 60,
        )
        return replace(terms, **changes)

    def set_mandate(self, terms: MandateTerms) -> None:
        self.lab.send(build_set_mandate(RESCUE, self.debt, terms), by=(self.owner.key,))

    def read_mandate(self, kind: MandateKind = MandateKind.NATIVE) -> Mandate:
        """Read the owner's mandate of a kind as the daemon does."""
        place = OwnerPlace(
            owner=AccountId(CHAIN, str(self.wallet)),
            owed=dict.fromkeys((self.usdc.mint, self.sol.mint), (self.owner.obligation,)),
        )
        plan = plan_funds(CHAIN, RESCUE, [place])
        (owned,) = plan.decode({key: self.lab.find(key) for key in plan.keys})
        (found,) = [mandate for mandate in owned.mandates if mandate.kind is kind]
        return found

    # The keeper's side

    def health(self) -> int:
        """The obligation's native health, refreshed."""
        self.market.refresh(self.owner)
        health = calculate_health(self.market.obligation(self.owner))
        assert health is not None
        return health

    def refreshes(self) -> list[Instruction]:
        return self.market.builder.refresh(self.market.obligation(self.owner), self.market.states())

    def native(self) -> Instruction:
        return build_native_rescue(RESCUE, self.debt, keeper=self.keeper.pubkey())

    def rescue(self, instruction: Instruction | None = None) -> Rescued:
        """Refresh, rescue, and give what was reported."""
        return report(self.send(instruction or self.native()))

    def send(self, instruction: Instruction) -> TransactionMetadata:
        return self.lab.send(*self.refreshes(), instruction, by=(self.keeper,))

    def refusal(self, instruction: Instruction | None = None, *, by: Keypair | None = None) -> str:
        """Refresh, try to rescue, and name the program's reason for not doing it."""
        tried = instruction or self.native()
        return refusal(self.lab, *self.refreshes(), tried, by=(by or self.keeper,))

    def attest(self, **changes: Any) -> HealthAttestation:  # noqa: ANN401 -- any field
        """Health 1.40 with an equity of 8,000 USD: 20,000 USD are required."""
        committee = Committee.first(
            DEPLOYMENT, [signer.address for signer in self.signers], self.threshold
        )
        header = HealthAttestation(
            schema_version=1,
            audience=bytes(32),
            account_set_root=ROOT,
            block_refs_root=keccak(b"blocks"),
            positions_root=keccak(b"positions"),
            prices_root=keccak(b"prices"),
            params_hash=bytes(32),
            zk_commitment=bytes(32),
            committee_id=committee.id,
            epoch=0,
            sequence=7,
            prev_digest=keccak(b"before"),
            issued_at=self.now,
            expires_at=self.now + 60,
            min_price_time=self.now - 30,
            position_count=3,
            status=0,
            account_count=2,
            max_skew=4,
            health_factor_e18=140 * WAD // 100,
            net_equity_e8=8_000 * USD,
        )
        return replace(header, **changes)

    def unified(
        self,
        units: int,
        header: HealthAttestation | None = None,
        *,
        who: Sequence[int] | None = None,
        bitmap: int | None = None,
        proof: bytes | None = None,
    ) -> Instruction:
        """Build the rescue with signatures of the members `who`, else of as many as are needed."""
        said = header or self.attest()
        signing = range(self.threshold) if who is None else who
        made = sign(said, [self.signers[i] for i in signing]) if proof is None else proof
        return build_unified_rescue(
            RESCUE,
            self.debt,
            keeper=self.keeper.pubkey(),
            committee=self.committee,
            units=units,
            attestation_fields=astuple(said),
            bitmap=sum(1 << i for i in set(signing)) if bitmap is None else bitmap,
            proof=made,
        )


def sign(header: HealthAttestation, signers: Sequence[Secp256k1Signer]) -> bytes:
    """Give the signatures of a header."""
    digest = digest_struct(header, SALT)
    return b"".join(signer.sign(digest) for signer in signers)


def open_scene(lab: Lab | None = None) -> RescueScene:
    """Give a fresh scene: funded, approved, with a committee of one, without mandates.

    On a machine that is there already (a node's), or on a new one.
    """
    market = MarketLab.create(lab)
    market.lab.load("rescue", RESCUE)
    sol = market.add_reserve(Terms(), decimals=9, price=150 * USD)
    usdc = market.add_reserve(Terms(), decimals=6, price=USD)
    whale = market.owner()
    market.deposit(whale, usdc, 1_000_000 * USDC)
    market.deposit(whale, sol, 10_000 * SOL)
    owner = market.owner()
    keeper = market.lab.keypair()
    scene = RescueScene(market, sol, usdc, whale, owner, keeper)
    for wallet in (owner.key, keeper):
        market.lab.svm.airdrop(wallet.pubkey(), 10 * SOL)
    market.deposit(owner, sol, 100 * SOL)
    market.borrow(owner, usdc, 10_000 * USDC)
    scene.fund()
    scene.use_committee(1, 1)
    return scene


def open_unified(members: int = 1, threshold: int = 1, **terms: Any) -> RescueScene:  # noqa: ANN401 -- any field of the terms
    """A scene with a unified mandate and a committee; the native health is 1.20."""
    scene = open_scene()
    scene.use_committee(members, threshold)
    scene.set_mandate(scene.terms(MandateKind.UNIFIED, **terms))
    return scene


def report(done: TransactionMetadata) -> Rescued:
    """Give the rescue that a transaction's logs tell of."""
    found = decode_rescued(done.logs(), RESCUE)
    assert found is not None
    return found


def refusal(lab: Lab, *instructions: Instruction, by: tuple[Keypair, ...]) -> str:
    """Name the reason the rescue program gives; it must be the last instruction that fails."""
    with pytest.raises(Refused) as failure:
        lab.send(*instructions, by=by)
    assert failure.value.index == len(instructions) - 1, failure.value
    code = failure.value.code
    assert code in REFUSALS, failure.value
    return REFUSALS[code]


def exchanged(instruction: Instruction, index: int, key: Pubkey) -> Instruction:
    """Give the instruction with one account in another's place."""
    metas = list(instruction.accounts)
    old = metas[index]
    metas[index] = AccountMeta(key, is_signer=old.is_signer, is_writable=old.is_writable)
    return Instruction(instruction.program_id, instruction.data, metas)


def unsigned(instruction: Instruction, index: int) -> Instruction:
    """Give the instruction with one account that does not sign."""
    metas = list(instruction.accounts)
    metas[index] = AccountMeta(metas[index].pubkey, is_signer=False, is_writable=False)
    return Instruction(instruction.program_id, instruction.data, metas)
