"""What a statement claims of one EVM block, and what the block's state proves of it.

A chain is proved as a whole or not at all: every account of the statement on it, in every market
that the parameters list for it. So nothing can be left out: what an account owes is read from the
market, not from the leaves. Prices are proved one by one, where the feed's storage is known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Side
from chains.model.units import BPS
from proofs.evidence.aave_v3 import ProvedMarket, read_holdings
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import LAYOUTS
from proofs.evidence.legs import ProvedLeg, list_legs
from proofs.evidence.state import ProvedState
from proofs.evidence.users import Subject
from proofs.params import UNSTAKED, WHOLE, MarketParam, Params
from proofs.refusal import Refusal, Refused
from proofs.statement import (
    BlockKind,
    BlockRef,
    Evidence,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Source,
    Statement,
)
from proofs.typed import ZERO

PROTOCOL: Final = "aave_v3"
BOOK: Final = "book:"
"""What the names of markets begin with that are books: a publisher's, no contract's."""
_Name = tuple[str, str, str, int]
_Figures = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is claimed of one block: the markets looked through there, and the leaves read there."""

    block: BlockRef
    params: Params
    leaves: Leaves
    markets: tuple[MarketParam, ...]

    @property
    def accounts(self) -> tuple[Address, ...]:
        """The statement's accounts on the chain."""
        found = (AccountId.parse(leaf.caip10) for leaf in self.leaves.accounts)
        return tuple(a.evm_address for a in found if str(a.chain) == self.block.caip2)

    @property
    def positions(self) -> tuple[PositionLeaf, ...]:
        """The leaves of positions on the chain; what a publisher signed is none of its state."""
        return tuple(
            p
            for p in self.leaves.positions
            if p.block_ref == self.block.index and not is_published(p)
        )

    @property
    def prices(self) -> tuple[PriceLeaf, ...]:
        """The leaves of prices on the chain."""
        return tuple(p for p in self.leaves.prices if self.has(p.asset))

    def has(self, text: str) -> bool:
        """Say whether a CAIP text is of the chain."""
        return text.startswith((f"{self.block.caip2}/", f"{self.block.caip2}:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a block's state proves of a claim: markets, and which leaves of prices are borne out."""

    markets: Mapping[str, ProvedMarket]
    prices: frozenset[int]


def is_published(leaf: PositionLeaf) -> bool:
    """Say whether a leaf is a requirement on a publisher's word: no chain's state can prove it."""
    return leaf.evidence == Evidence.PUBLISHER_SIGNED and leaf.side == Side.REQUIREMENT


def find_claims(statement: Statement) -> Mapping[str, Claim]:
    """Give the claims of a statement that can be proved, by chain (CAIP-2).

    None of Solana, none where no state root is known, and none of a chain with a market whose
    storage layout is not known.
    """
    made = (_make_claim(statement, block) for block in statement.leaves.blocks)
    return {claim.block.caip2: claim for claim in made if claim}


def _make_claim(statement: Statement, block: BlockRef) -> Claim | None:
    if block.kind != BlockKind.EVM or block.state_root == ZERO:
        return None
    listed = statement.params.markets
    markets = tuple(
        m
        for m in listed
        if m.market.startswith(f"{block.caip2}:") and not m.protocol.startswith(BOOK)
    )
    known = (
        m.protocol == PROTOCOL and m.formula in LAYOUTS and m.reserve == WHOLE for m in markets
    )
    if not all(known):
        return None
    return Claim(block=block, params=statement.params, leaves=statement.leaves, markets=markets)


def read_claim(state: ProvedState, claim: Claim) -> Mapping[str, ProvedMarket]:
    """Read everything that a claim is about; EvidenceRefused says what is not proved."""
    subjects = [Subject(account=account) for account in claim.accounts]
    priced = {token for price in claim.prices if (token := _token_of(price))}
    found = {}
    for market in claim.markets:
        pool = AccountId.parse(market.market).evm_address
        read = read_holdings(state, pool, subjects, now=claim.block.time, priced=priced)
        if read.release != market.formula:
            raise EvidenceRefused(Flaw.CODE, f"{pool} is {read.release}, not {market.formula}")
        found[market.market] = read
    return found


def judge_claim(claim: Claim, markets: Mapping[str, ProvedMarket]) -> Proved:
    """Compare a claim with what is proved; Refused with OMITTED or CONTRADICTED."""
    held = _list_held(claim, markets)
    stated = _list_stated(claim)
    for name, figures in held.items():
        side = Side(name[3]).name.lower()
        detail = f"{name[0]} has a {side} in {name[2]} of {name[1]}"
        if name not in stated:
            raise Refused(Refusal.OMITTED, f"{detail} that no leaf states")
        if figures != stated[name]:
            raise Refused(Refusal.CONTRADICTED, f"{detail} of {figures}, not {stated[name]}")
    for name in stated.keys() - held.keys():
        side = Side(name[3]).name.lower()
        detail = f"{name[0]} has no {side} in {name[2]} of {name[1]}"
        raise Refused(Refusal.CONTRADICTED, f"{detail}, as a leaf states")
    return Proved(markets=markets, prices=frozenset(_find_proved(claim, markets)))


def _list_held(claim: Claim, markets: Mapping[str, ProvedMarket]) -> Mapping[_Name, list[_Figures]]:
    """Give the legs that the state proves and that count, by what names them."""
    chain = claim.block.caip2
    worthless = _find_worthless(claim)
    held: dict[_Name, list[_Figures]] = {}
    for market, proved in markets.items():
        for account in claim.accounts:
            for leg in list_legs(proved, account):
                asset = f"{chain}/erc20:{leg.asset}"
                if _counts(leg, asset, worthless):
                    name = (f"{chain}:{account}", market, asset, int(leg.side))
                    figures = (leg.units, leg.decimals, leg.ltv, leg.liquidation_threshold)
                    held.setdefault(name, []).append(figures)
    return {name: sorted(figures) for name, figures in held.items()}


def _find_worthless(claim: Claim) -> Mapping[str, bool]:
    """Say of each declared asset whether it counts for nothing as collateral."""
    return {asset.asset: asset.haircut_bps >= BPS for asset in claim.params.assets}


def _counts(leg: ProvedLeg, asset: str, worthless: Mapping[str, bool]) -> bool:
    """Say whether a leg moves the figure: what does not is not stated."""
    if leg.side is not Side.COLLATERAL:
        return True
    return leg.liquidation_threshold > 0 and not worthless.get(asset, True)


def _list_stated(claim: Claim) -> Mapping[_Name, list[_Figures]]:
    stated: dict[_Name, list[_Figures]] = {}
    for leaf in claim.positions:
        account = claim.leaves.accounts[leaf.account].caip10
        name = (account, leaf.market, leaf.asset, leaf.side)
        figures = (leaf.amount_raw, leaf.decimals, leaf.ltv_bps, leaf.liq_threshold_bps)
        stated.setdefault(name, []).append(figures)
    return {name: sorted(figures) for name, figures in stated.items()}


def _find_proved(claim: Claim, markets: Mapping[str, ProvedMarket]) -> Iterator[int]:
    """Give the leaves of prices that a feed in the state bears out; CONTRADICTED where one lies.

    A price that was converted by a staked form's ratio is not the feed's number: not proved.
    """
    for leaf in claim.prices:
        token = _token_of(leaf)
        for proved in markets.values():
            price = proved.prices.get(token) if token else None
            if price is None or leaf.feed_id != f"{claim.block.caip2}:{price.feed}":
                continue
            found = (price.usd, price.published_at)
            if (leaf.price_e8, leaf.publish_time) == found and leaf.source == Source.CHAINLINK:
                yield leaf.index
                break
            if not _is_converted(claim, leaf):
                detail = f"prices[{leaf.index}]: the feed says {found[0]} at {found[1]}"
                raise Refused(
                    Refusal.CONTRADICTED, f"{detail}, not {leaf.price_e8} at {leaf.publish_time}"
                )


def _token_of(leaf: PriceLeaf) -> Address | None:
    """Give the token that a price is of, None for other assets: no market lists those."""
    asset = AssetId.parse(leaf.asset)
    return asset.token if asset.namespace == "erc20" else None


def _is_converted(claim: Claim, leaf: PriceLeaf) -> bool:
    """Say whether a ratio may stand between the feed's number and the leaf's."""
    named = {leg.asset for leg in claim.leaves.positions if leg.price == leaf.index}
    staked = {asset.asset for asset in claim.params.assets if asset.ratio != UNSTAKED}
    return not staked.isdisjoint(named | {leaf.asset})
