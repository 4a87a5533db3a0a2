"""Which pair of chains a vault account is liquidated on, and what that costs: pure.

A pair is collateral on one chain and debt on another, or on the same. Its cost is the gas of all
its steps on both chains, what the collateral may fall beyond the locked buffer while two
finalities pass, the interest on what was paid until it is claimed, and the bonus that is given
away. Beyond the gas, what is paid for is the bonus: a pair that does not bring the least profit is
left. The cheapest for each dollar repaid goes first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from chains.model.ids import ChainId
from chains.model.snapshot import ChainFees
from chains.model.units import BPS, USD, WAD, Usd, div_down, div_up
from daemon.margin.risk import Tier

YEAR_S: Final = 365 * 86_400
CARRY_BPS: Final = 1_000
"""What funds cost a year while they are out, in basis points."""
VOLATILITY: Final[Mapping[Tier, float]] = {Tier.STABLE: 0.1, Tier.MAJOR: 1.2, Tier.ALT: 2.5}
"""The annual volatility reckoned with by tier: that of bad days, for liquidations fall on them."""
GAS: Final[Mapping[str, int]] = {
    "approve": 50_000,
    "post": 300_000,
    "lock": 550_000,
    "fill": 450_000,
    "claim": 350_000,
    "release": 150_000,
    "liquidate": 600_000,
    "prove": 800_000,
}
"""What the steps take at most on the devnet's chains, with two chains and two assets.

`prove` is a fact's storage proof and what the anchor must be told before.
"""
SIGNING_S: Final = 4
"""How long a quorum takes to sign what is final."""
BLOCKS: Final = 2
"""How many blocks a transaction takes to be included."""
_NORMAL: Final = NormalDist()
PairName = tuple[ChainId, int, ChainId, int]
"""The chains and assets of a pair: the collateral's, then the debt's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A chain as steps are priced there: `finality_s` is how long a block takes to be final.

    `anchored` are the chains whose facts it takes with storage proofs only.
    """

    chain: ChainId
    fees: ChainFees
    block_s: int
    finality_s: int
    anchored: frozenset[ChainId] = frozenset()

    def list_proofs(self, source: "Place", facts: int) -> list[str]:
        """Give the steps that prove so many facts of another chain here."""
        return ["prove"] * facts if source.chain in self.anchored else []

    def price_gas(self, steps: Sequence[str]) -> Usd:
        """Give what the steps' gas costs now, rounded up."""
        gas = sum(GAS[step] for step in steps)
        wei = gas * (self.fees.base_fee_wei + self.fees.priority_fee_wei)
        return Usd(div_up(wei * self.fees.native_usd, WAD))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What one order would do: repay `value` at most, for `bonus_bps` more in collateral.

    `tier` is the collateral's, `buffer_bps` what is locked beyond what is due. `posts` says that
    quantities must be posted before, `approves` that the pool may not take enough yet, `locked`
    that the order is open already. `funds` is what the key can pay in this debt's asset on the
    debt chain (Usd), and `least` the least that may be filled. The insurance fund, which holds
    `fund` (Usd), brings a bonus under `fund_bps` up to it.
    """

    account: bytes
    collateral: Place
    collateral_asset: int
    debt: Place
    debt_asset: int
    value: Usd
    bonus_bps: int
    buffer_bps: int
    tier: Tier
    funds: Usd
    least: Usd = Usd(0)
    fund: Usd = Usd(0)
    fund_bps: int = 0
    posts: bool = False
    approves: bool = False
    locked: bool = False

    @property
    def crosses(self) -> bool:
        """Whether collateral and debt lie on two chains."""
        return self.collateral.chain != self.debt.chain

    @property
    def name(self) -> PairName:
        """The pair without its account and amounts."""
        return self.collateral.chain, self.collateral_asset, self.debt.chain, self.debt_asset

    @property
    def paid(self) -> Usd:
        """What the key would repay: a part where its funds are short."""
        return min(self.value, self.funds)

    @property
    def wait_s(self) -> int:
        """How long from the lock to the claim: both finalities, signing and inclusion."""
        if not self.crosses:
            return BLOCKS * self.collateral.block_s
        if self.locked:
            blocks = BLOCKS * (self.collateral.block_s + self.debt.block_s)
            return self.debt.finality_s + blocks + SIGNING_S
        included = BLOCKS * (2 * self.collateral.block_s + self.debt.block_s)
        return self.collateral.finality_s + self.debt.finality_s + included + 2 * SIGNING_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Costed:
    """A pair with its costs (Usd); `extra` is what the insurance fund adds to the bonus."""

    pair: Pair
    gas: Usd
    risk: Usd
    carry: Usd
    bonus: Usd
    extra: Usd = Usd(0)

    @property
    def cost(self) -> Usd:
        """Gas, risk, carry and the bonus given away."""
        return Usd(self.gas + self.risk + self.carry + self.bonus)

    @property
    def profit(self) -> Usd:
        """What is left of the bonus and of what the fund adds to it."""
        return Usd(self.bonus + self.extra - self.gas - self.risk - self.carry)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedPair:
    """A pair that was not taken, and why; `costed` where it was priced."""

    pair: Pair
    reason: str
    costed: Costed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairChoice:
    """The pair to take (None where none is worth it), and every other one with its reason."""

    chosen: Costed | None
    rejected: tuple[RejectedPair, ...]


def cost_pair(pair: Pair) -> Costed:
    """Give the costs of a pair for what the key would pay."""
    paid = pair.paid
    collateral_steps, debt_steps = _list_steps(pair)
    gas = pair.collateral.price_gas(collateral_steps) + pair.debt.price_gas(debt_steps)
    due = paid + div_down(paid * pair.bonus_bps, BPS)
    return Costed(
        pair=pair,
        gas=Usd(gas),
        risk=_price_risk(due, pair),
        carry=Usd(div_up(paid * CARRY_BPS * pair.wait_s, BPS * YEAR_S)),
        bonus=Usd(div_down(paid * pair.bonus_bps, BPS)),
        extra=Usd(min(pair.fund, div_down(paid * max(0, pair.fund_bps - pair.bonus_bps), BPS))),
    )


def _list_steps(pair: Pair) -> tuple[list[str], list[str]]:
    """Give the steps on the collateral chain and on the debt chain."""
    first = ["post"] if pair.posts else []
    first += ["lock"] if pair.crosses and not pair.locked else []
    approval = ["approve"] if pair.approves else []
    if not pair.crosses:
        return [*first, *approval, "liquidate"], []
    last = [*pair.collateral.list_proofs(pair.debt, 2), "claim", "release"]
    return [*first, *last], [*approval, *pair.debt.list_proofs(pair.collateral, 1), "fill"]


def _price_risk(due: int, pair: Pair) -> Usd:
    """Give the expected loss from a fall beyond the buffer until the claim, rounded up.

    The value owed is fixed at the fill and paid at the price of the claim, out of what was locked
    at the price of the lock: the loss is a put struck at the buffer, of a normal return without
    drift.
    """
    if not pair.crosses:
        return Usd(0)
    sigma = VOLATILITY[pair.tier] * math.sqrt(pair.wait_s / YEAR_S)
    strike = pair.buffer_bps / BPS / sigma
    share = sigma * (_NORMAL.pdf(strike) - strike * (1 - _NORMAL.cdf(strike)))
    return Usd(math.ceil(due * max(0.0, share)))


def choose_pair(pairs: Sequence[Pair], *, min_profit: Usd) -> PairChoice:
    """Choose the cheapest pair for each dollar repaid among those that bring the least profit."""
    rejected: list[RejectedPair] = []
    worth: list[Costed] = []
    for pair in pairs:
        costed = cost_pair(pair) if pair.paid > 0 else None
        reason = _why_not(pair, costed, min_profit)
        if reason is None and costed is not None:
            worth.append(costed)
        else:
            rejected.append(RejectedPair(pair=pair, reason=reason or "", costed=costed))
    ranked = sorted(worth, key=_rank)
    chosen = ranked[0] if ranked else None
    if chosen is not None:
        rejected += [
            RejectedPair(pair=one.pair, reason=_why_behind(one, chosen), costed=one)
            for one in ranked[1:]
        ]
    return PairChoice(chosen=chosen, rejected=tuple(rejected))


def _why_not(pair: Pair, costed: Costed | None, min_profit: Usd) -> str | None:
    if pair.value <= 0:
        return "there is nothing to repay"
    if costed is None:
        return f"the key holds nothing of asset {pair.debt_asset} on {pair.debt.chain}"
    if pair.paid < pair.value and pair.paid < pair.least:
        return f"the key can pay {_dollars(pair.paid)} there, at least {_dollars(pair.least)} count"
    if costed.profit < min_profit:
        return f"brings {_dollars(costed.profit)}, at least {_dollars(min_profit)} asked for"
    return None


def _rank(costed: Costed) -> tuple[int, int, str, int, str, int]:
    """Order by cost for a dollar repaid, then time, then chains and assets."""
    pair = costed.pair
    per_dollar = div_up(costed.cost * USD, pair.paid)
    first, second = str(pair.collateral.chain), str(pair.debt.chain)
    return per_dollar, pair.wait_s, first, pair.collateral_asset, second, pair.debt_asset


def _why_behind(one: Costed, chosen: Costed) -> str:
    mine, best = _rank(one)[0], _rank(chosen)[0]
    if mine == best:
        return "no better than the one chosen"
    return f"costs {_dollars(Usd(mine - best))} more for each dollar repaid"


def _dollars(value: int) -> str:
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), USD)
    return f"{sign}${whole}.{part * 10_000 // USD:04}"
