"""Two real chains set up as the model's: its terms and clock, no interest, and full purses."""

from dataclasses import astuple, dataclass, field
from typing import Final

from eth_hash.auto import keccak

from daemon.devnet.vaults import SeizureTerms
from proofs.committee import Committee
from proofs.contract import describe_members, describe_terms
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.vaults import VaultFact, VaultQuantities, build_arguments, digest_vault
from tests.model.state import START_S, TERMS, TICK_S, USDC, WETH
from tests.model.world import CASH
from tests.support.rescue import read_time
from tests.support.seizing import QUANTITIES, Story
from tests.support.vaults import (
    LENDER,
    LIQUIDATOR,
    MEMBERS,
    OWNER,
    SCALE,
    STRANGER,
    Ground,
    VaultChain,
    Witness,
    found_committee,
    sign,
)
from tests.support.vaults import TERMS as DEPLOYED

SUCCESSORS: Final = tuple(
    sorted(
        (Secp256k1Signer(bytes(keccak(b"successor %d" % number))) for number in range(4)),
        key=lambda signer: int(signer.address, 16),
    )
)
QUORUM: Final = 3
PURSE: Final = (10_000 * 10**18, 50_000_000 * 10**6)
_TERMS: Final = (
    "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256,uint256)"
)
_CURVE: Final = (0, 0, 0, 8_000, 0)
_ROTATE: Final = (
    "rotate((uint64,uint32,uint64,uint64,bytes32),(address,bytes32,bytes32)[],uint8,uint256,bytes)"
)
_AHEAD_S: Final = 600


@dataclass(slots=True, kw_only=True)
class Stage:
    """A ground on which a trace is played, and its two committees.

    `begun` is when the model's clocks began, `names` the snapshots of what is final,
    `down` the members that sign nothing
    as long as others do.
    """

    ground: Ground
    begun: int
    accounts: tuple[bytes, ...]
    successor: Committee
    names: dict[int, str] = field(default_factory=dict)
    down: set[int] = field(default_factory=set)

    def place(self, chain: int) -> VaultChain:
        """Give the chain that the model numbers so."""
        return self.ground.chains[chain]

    def time(self, clock: int) -> int:
        """Give a model's time as seconds."""
        return self.begun + clock - START_S

    def finalise(self, chain: int) -> None:
        """Keep what a chain is now."""
        self.names[chain] = self.place(chain).chain.snapshot()

    def reorganise(self, chain: int, clock: int) -> None:
        """Go back to what is final, at a clock."""
        place = self.place(chain).chain
        if place.rpc.request("evm_revert", self.names[chain]) is not True:
            raise AssertionError("the snapshot is gone")
        self.finalise(chain)
        place.anvil.set_clock(max(self.time(clock), read_time(place) + 1))
        place.refresh_feeds()

    def tick(self, chain: int) -> None:
        """Let a step of a clock pass."""
        self.place(chain).advance(TICK_S)

    def rotate(self, chain: int) -> None:
        """Let the successor count."""
        place = self.place(chain)
        place.do(place.notary, "note_committee()", sender=STRANGER)
        place.chain.advance(DEPLOYED.rotation_delay_s)

    def sign_fact(self, fact: VaultFact, *, signing: int) -> Witness:
        """Let a quorum of the first committee, or of its successor, sign."""
        bitmap, proof = self._sign(digest_vault(fact, DEPLOYED.salt), signing)
        return Witness(height=fact.height, bitmap=bitmap, proof=proof)

    def committee(self, signing: int) -> bytes:
        """Give the id of the committee that signs."""
        return self.successor.id if signing else found_committee().id

    def post(self, chain: int, said: VaultQuantities, *, signing: int) -> None:
        """Bring a statement of quantities."""
        place = self.place(chain)
        bitmap, proof = self._sign(digest_vault(said, DEPLOYED.salt), signing)
        signature = f"post_quantities({QUANTITIES},uint256,bytes)"
        place.do(place.judge, signature, build_arguments(said), bitmap, proof, sender=STRANGER)

    def _sign(self, digest: bytes, signing: int) -> tuple[int, bytes]:
        # What is brought while members are down was signed before.
        ready = sorted(range(len(SUCCESSORS)), key=lambda member: (member in self.down, member))
        members = sorted(ready[:QUORUM])
        signers = SUCCESSORS if signing else MEMBERS
        joined = b"".join(signers[member].sign(digest) for member in members)
        return sum(1 << member for member in members), joined

    def story(self, account: int) -> Story:
        """Give the shorthands of seizures for an account."""
        return Story(ground=self.ground, account=self.accounts[account])


def set_stage(ground: Ground, accounts: int) -> Stage:
    """Open accounts, fill pools and purses, and let both chains know a successor committee."""
    begun = max(place.now for place in ground.chains) + _AHEAD_S
    for place in ground.chains:
        _fill(place)
    opened = tuple(_open(ground, number) for number in range(accounts))
    successor = _announce(ground, begun)
    for place in ground.chains:
        place.chain.anvil.set_clock(begun)
        place.chain.refresh_feeds()
    stage = Stage(ground=ground, begun=begun, accounts=opened, successor=successor)
    for chain in range(len(ground.chains)):
        stage.finalise(chain)
    return stage


def _fill(place: VaultChain) -> None:
    owner = place.ledger.timelock
    place.do(place.judge, f"set_terms({_TERMS})", _terms(), sender=owner)
    for asset in (WETH, USDC):
        signature = "set_curve(uint8,(uint256,uint256,uint256,uint256,uint256))"
        place.do(place.pool, signature, asset, _CURVE, sender=owner)
        place.supply(asset, CASH[asset] // SCALE[asset], lender=LENDER)
        for holder in (OWNER, LIQUIDATOR):
            place.fund(asset, holder, PURSE[asset])


def _terms() -> tuple[int, ...]:
    return astuple(
        SeizureTerms(
            grace_s=TERMS.grace_s,
            max_age_s=TERMS.max_age_s,
            order_life_s=TERMS.order_life_s,
            veto_s=TERMS.veto_s,
            target_e18=TERMS.target,
            floor_e18=TERMS.floor,
            min_bonus_bps=TERMS.min_bonus_bps,
            max_bonus_bps=TERMS.max_bonus_bps,
            fund_bonus_bps=TERMS.fund_bonus_bps,
            buffer_bps=TERMS.buffer_bps,
            tolerance_bps=TERMS.tolerance_bps,
            min_leg_e8=TERMS.min_leg,
            min_debt_e8=TERMS.min_debt,
            min_order_e8=TERMS.min_order,
        )
    )


def _open(ground: Ground, number: int) -> bytes:
    salt = bytes(keccak(b"account %d" % number))
    account = ground.a.open(salt=salt)
    ground.link(account, salt=salt)
    return account


def _announce(ground: Ground, begun: int) -> Committee:
    members = [signer.address for signer in SUCCESSORS]
    successor = found_committee().build_next(members, 3, valid_from=begun - 1)
    bitmap, proof = sign(successor.digest(DEPLOYED.salt))
    arguments = (describe_terms(successor), describe_members(successor), 1, bitmap, proof)
    for place in ground.chains:
        place.do(place.verifier, _ROTATE, *arguments)
    return successor
