"""Alice and a stranger on Solana: what they deposit and owe in Save, and her mandates there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import AccountId, Address, ChainId
from chains.model.snapshot import MandateKind
from chains.model.units import BPS, Bps, Wad
from chains.solana.rescue import Debt, MandateTerms, build_approve, build_set_mandate
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState, RunningSolana
from daemon.devnet.solana.actors import Actors

MANDATE_LIFE_S: Final = 7 * 86_400
MAX_AGE_S: Final = 60
SLACK: Final = Bps(BPS // 20)
DEBT: Final = "USDC"
"""What Alice owes there, and lets the keeper repay with."""
IDLE: Final = Decimal(10_000)
ALICE_HOLDS: Final = ({"SOL": Decimal(100)}, {DEBT: Decimal(10_500)})
STRANGER_HOLDS: Final = ({"SOL": Decimal(500)}, {DEBT: Decimal(55_000)})
"""What is deposited, and what is borrowed against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallets:
    """The two keys, made for this start."""

    chain: ChainId
    alice: Keypair
    stranger: Keypair

    @classmethod
    def make(cls, chain: ChainId) -> Self:
        """Make both."""
        return cls(chain=chain, alice=Keypair(), stranger=Keypair())

    @property
    def alice_account(self) -> AccountId:
        """Alice's account."""
        return AccountId(self.chain, str(self.alice.pubkey()))

    @property
    def stranger_account(self) -> AccountId:
        """The stranger's account."""
        return AccountId(self.chain, str(self.stranger.pubkey()))


def running_solana(state: DevnetState) -> RunningSolana:
    """Give the devnet's Solana chain; DevnetError where it has none."""
    if state.solana is None:
        raise DevnetError("the devnet runs without a Solana chain")
    return state.solana


def seed_wallets(actors: Actors, wallets: Wallets) -> None:
    """Open both positions; every transaction is confirmed."""
    for key, (deposits, borrows) in (
        (wallets.alice, ALICE_HOLDS),
        (wallets.stranger, STRANGER_HOLDS),
    ):
        actors.fund(key.pubkey(), lamports=10**9)
        actors.open_position(
            key, deposits=_units(actors, deposits), borrows=_units(actors, borrows)
        )
    actors.fund(wallets.alice.pubkey(), tokens=_units(actors, {DEBT: IDLE}))


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletMandates:
    """A native and a unified mandate for the same debt; `bands` are trigger and target of each."""

    keeper: Address
    bands: Mapping[MandateKind, tuple[Wad, Wad]]
    account_set_root: bytes

    def give(self, actors: Actors, owner: Keypair) -> None:
        """Let our program's delegate take the idle token, within both mandates."""
        deployment = actors.deployment
        if deployment.rescue is None or deployment.committee is None:
            raise DevnetError("the devnet's Solana chain has no rescue program")
        program = Pubkey.from_string(deployment.rescue)
        [units] = _units(actors, {DEBT: IDLE}).values()
        mint = deployment.mint_of(DEBT)
        calls: list[Instruction] = [build_approve(program, owner.pubkey(), mint, units)]
        debt = _find_debt(actors, owner.pubkey())
        committee = Pubkey.from_string(deployment.committee)
        for kind in MandateKind:
            terms = self._terms(kind, units, committee)
            calls.append(build_set_mandate(program, debt, terms))
        actors.send(owner, *calls)

    def _terms(self, kind: MandateKind, units: int, committee: Pubkey) -> MandateTerms:
        trigger, target = self.bands[kind]
        unified = kind is MandateKind.UNIFIED
        return MandateTerms(
            kind=kind,
            keeper=Pubkey.from_string(self.keeper),
            trigger=trigger,
            target=target,
            per_action=units,
            per_day=units,
            deadline=int(time.time()) + MANDATE_LIFE_S,
            account_set_root=self.account_set_root if unified else bytes(32),
            committee=committee if unified else None,
            max_age_s=MAX_AGE_S if unified else 0,
            slack_bps=SLACK if unified else Bps(0),
        )


def _find_debt(actors: Actors, owner: Pubkey) -> Debt:
    accounts, setup = actors.deployment.find_token(DEBT).accounts, actors.deployment.setup
    return Debt(
        owner=owner,
        obligation=actors.obligation_of(owner),
        lending=setup.program,
        market=setup.market,
        reserve=accounts.reserve,
        supply=accounts.supply,
        mint=accounts.mint,
    )


def _units(actors: Actors, amounts: Mapping[str, Decimal]) -> dict[str, int]:
    decimals = {symbol: actors.deployment.find_token(symbol).decimals for symbol in amounts}
    return {symbol: int(amount * 10 ** decimals[symbol]) for symbol, amount in amounts.items()}
