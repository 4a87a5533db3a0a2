"""What may be liquidated on Save, at which sizes, and what it would bring: pure.

Nothing is asked of a node here: the read that the obligations came with has the pools and our own
balances as well, and the programs' arithmetic is known to the unit. Where our own tokens do not
suffice, a flash loan of the debt's reserve pays, if it makes any.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.model.ids import AccountId, Address
from chains.model.units import WAD, Wad
from chains.solana.markets import Target
from chains.solana.pools import PoolState
from chains.solana.protocols.save.decimals import MathOverflow
from chains.solana.protocols.save.flash import calculate_flash_fee, lend
from chains.solana.protocols.save.liquidation import Liquidation, predict_liquidation
from chains.solana.protocols.save.math import EVERYTHING, calculate_health
from chains.solana.protocols.save.positions import PricedReserve
from chains.solana.protocols.save.state import Obligation, Reserve
from daemon.keeper.solana.ground import Ground
from daemon.keeper.strangers import Prey, Sale

SIZES: Final = 4
"""The most that may be covered, a half of it, and so on: a thin pool takes less for more."""
KEPT_PARTS: Final = 2_000
"""One part in so many of the collateral is kept: a price may move until inclusion."""
KEPT_UNITS: Final = 4
"""At least that many, as amounts are rounded at the slot of execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal(Sale):
    """A liquidation as it would be carried out, by reserve keys.

    `sold` of the collateral received goes through `pool`; without one it is the debt's own token.
    `missing` are the mints of which the keeper has no account yet.
    """

    target: Target
    repay: bytes
    withdraw: bytes
    sold: int
    pool: PoolState | None
    flash: bool
    missing: tuple[Pubkey, ...]


def find_deals(market: AccountId, ground: Ground, targets: Iterable[Target]) -> list[Deal]:
    """Give every liquidation that the program would accept at the read's slot, with its sale.

    Left out is what no pool buys, and an obligation one of whose reserves has no valid price: its
    refresh would fail.
    """
    return [deal for target in targets for deal in _find_deals(market, ground, target)]


def _find_deals(market: AccountId, ground: Ground, target: Target) -> Iterator[Deal]:
    obligation = ground.snapshot.loans.get(target)
    if obligation is None or (health := calculate_health(obligation)) is None or health >= WAD:
        return
    reserves = ground.snapshot.view.reserves
    entries = {d.reserve for d in obligation.deposits} | {b.reserve for b in obligation.borrows}
    if not all(reserves[key].price.valid for key in entries):
        return
    case = _Case(market=market, ground=ground, target=target, obligation=obligation, health=health)
    for repay in _find_repayable(obligation, reserves):
        for deposit in obligation.deposits:
            yield from case.find(repay, deposit.reserve)


def _find_repayable(
    obligation: Obligation, reserves: Mapping[bytes, PricedReserve]
) -> Sequence[bytes]:
    """Give the borrows of the greatest weight: Save has the others repaid after them."""
    weights = {
        b.reserve: reserves[b.reserve].state.terms.added_weight_bps for b in obligation.borrows
    }
    return [key for key, weight in weights.items() if weight == max(weights.values())]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    market: AccountId
    ground: Ground
    target: Target
    obligation: Obligation
    health: Wad

    def find(self, repay: bytes, withdraw: bytes) -> Iterator[Deal]:
        """Give the deals of one debt and one collateral, at the sizes worth trying."""
        reserves = self.ground.snapshot.view.reserves
        states = {key: priced.state for key, priced in reserves.items()}
        if (full := self._predict(states, repay, withdraw, EVERYTHING)) is None:
            return
        most = full.amounts.repaid
        held = self.ground.balances.get(Pubkey(states[repay].keys.mint)) or 0
        sizes = {max(1, most >> halvings) for halvings in range(SIZES)} | {min(most, held)}
        for units in sorted(sizes - {0}, reverse=True):
            if (deal := self._build(states, repay, withdraw, units, held=held)) is not None:
                yield deal

    def _build(
        self,
        states: Mapping[bytes, Reserve],
        repay: bytes,
        withdraw: bytes,
        units: int,
        *,
        held: int,
    ) -> Deal | None:
        flash, fee = units > held, 0
        if flash:
            found = calculate_flash_fee(states[repay].terms, units)
            lent = lend(states[repay], units)
            if found is None or lent is None:
                return None
            fee, states = found, {**states, repay: lent}
        done = self._predict(states, repay, withdraw, units)
        if done is None or done.kept_collateral:
            return None
        prey = self._describe(repay, withdraw, done, borrowed=units if flash else 0)
        return self._sell(prey, repay, withdraw, fee)

    def _predict(
        self, states: Mapping[bytes, Reserve], repay: bytes, withdraw: bytes, units: int
    ) -> Liquidation | None:
        try:
            done = predict_liquidation(
                self.obligation, states, repay=repay, withdraw=withdraw, wanted=units
            )
        except MathOverflow:
            return None
        return done if isinstance(done, Liquidation) and done.net > 0 else None

    def _describe(self, repay: bytes, withdraw: bytes, done: Liquidation, *, borrowed: int) -> Prey:
        reserves = self.ground.snapshot.view.reserves
        return Prey(
            market=self.market,
            account=self.target.account,
            obligation=Address(str(self.target.obligation)),
            health=self.health,
            collateral=reserves[withdraw].asset,
            debt=reserves[repay].asset,
            seized=done.net,
            repaid=done.amounts.repaid,
            borrowed=borrowed,
            decimals=reserves[repay].state.decimals,
            price=reserves[repay].price,
        )

    def _sell(self, prey: Prey, repay: bytes, withdraw: bytes, fee: int) -> Deal | None:
        states = self.ground.snapshot.view.reserves
        source, debt = states[withdraw].state.keys, states[repay].state.keys
        mints = (Pubkey(debt.mint), Pubkey(source.mint), Pubkey(source.collateral_mint))
        balances = self.ground.balances
        if not balances.keys() >= set(mints):
            return None
        sold = prey.seized - max(KEPT_UNITS, prey.seized // KEPT_PARTS)
        quotes: list[tuple[int, PoolState | None]] = []
        if not prey.pool:
            quotes = [(prey.seized, None)]
        elif sold > 0:
            for place in self.ground.find_pools(prey.pool):
                if (units := place.quote(Pubkey(source.mint), sold)) is not None:
                    quotes.append((units, place))
        if not quotes:
            return None
        proceeds, pool = max(quotes, key=lambda quote: quote[0])
        missing = tuple(mint for mint in dict.fromkeys(mints) if balances[mint] is None)
        return Deal(
            prey=prey,
            proceeds=proceeds,
            premium=fee,
            target=self.target,
            repay=repay,
            withdraw=withdraw,
            sold=sold if prey.pool else 0,
            pool=pool,
            flash=prey.borrowed > 0,
            missing=missing,
        )
