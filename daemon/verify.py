"""Compare a statement's leaves with the chains they were read from, at the very same blocks.

Offline verification says that an attestation is consistent; this says whether it is true as far
as one's own endpoints can tell: blocks, amounts, thresholds, prices, and nothing left out of the
configured markets.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chains.errors import ChainError
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import AccountId, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Wad
from chains.ports import Reader
from daemon.margin.report import ONE, convert_price
from proofs.build import identify_feed, identify_market
from proofs.evidence.claims import is_published
from proofs.statement import BlockKind, BlockRef, Leaves, PositionLeaf, PriceLeaf, Statement
from proofs.typed import ZERO

_Key = tuple[str, str, str, str, int]


class BlockSource(Protocol):
    """What gives the header of a block by its hash."""

    async def read_head(self, block: bytes) -> Head:
        """Read a header; a ChainError when no endpoint has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccess:
    """One's own way to a chain: its headers, and everything that is read at one."""

    blocks: BlockSource
    reader: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the chains say: one line per difference, one per chain that could not be asked."""

    differences: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A stated block as one's own endpoints have it, or why they could not be asked."""

    ref: BlockRef
    anchor: BlockAnchor | None = None
    snapshot: ChainSnapshot | None = None
    unreadable: str | None = None


async def compare_with_chain(
    statement: Statement, access: Mapping[ChainId, ChainAccess]
) -> Comparison:
    """Read every stated block again and compare; both lists empty where all leaves are true.

    A slot of Solana can be read by nobody a second time: its leaves stay what a quorum read. What a
    publisher signed stands on no chain.
    """
    reads: list[asyncio.Task[_Block]] = []
    leaves = statement.leaves
    async with asyncio.TaskGroup() as group:
        for block in leaves.blocks:
            way = access.get(ChainId.parse(block.caip2))
            reads.append(group.create_task(_read_block(leaves, block, way)))
    blocks = [read.result() for read in reads]
    return Comparison(
        differences=tuple(_find_differences(leaves, blocks)),
        unreadable=tuple(block.unreadable for block in blocks if block.unreadable),
    )


async def _read_block(leaves: Leaves, block: BlockRef, way: ChainAccess | None) -> _Block:
    path = f"blocks[{block.index}]"
    if block.kind == BlockKind.SOLANA:
        return _Block(ref=block, unreadable=f"{path}: a slot of {block.caip2} is not read again")
    if way is None:
        return _Block(ref=block, unreadable=f"{path}: no endpoint of {block.caip2} is configured")
    accounts = [AccountId.parse(leaf.caip10) for leaf in leaves.accounts]
    chain = ChainId.parse(block.caip2)
    try:
        head = await way.blocks.read_head(block.block_hash)
        snapshot = await way.reader.read(head, [a for a in accounts if a.chain == chain])
    except ChainError as error:
        return _Block(ref=block, unreadable=f"{path}: {error}")
    return _Block(ref=block, anchor=head.anchor, snapshot=snapshot)


def _find_differences(leaves: Leaves, blocks: Sequence[_Block]) -> Iterator[str]:
    prices = _Prices(
        leaves=leaves,
        read={ChainId.parse(block.ref.caip2): block.snapshot for block in blocks if block.snapshot},
    )
    for block in blocks:
        if block.anchor and block.snapshot:
            yield from _compare_anchor(block.ref, block.anchor)
            yield from prices.compare(block.snapshot)
            yield from _compare_positions(leaves, block.ref, block.snapshot)


def _compare_anchor(block: BlockRef, anchor: BlockAnchor) -> Iterator[str]:
    path = f"blocks[{block.index}]"
    yield from _differ(f"{path}.height", block.height, anchor.height)
    yield from _differ(f"{path}.time", block.time, anchor.time)
    if block.state_root != ZERO and anchor.state_root is not None:
        yield from _differ(
            f"{path}.stateRoot", "0x" + block.state_root.hex(), "0x" + anchor.state_root.hex()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prices:
    """The stated prices, and the chains that were read to judge them by."""

    leaves: Leaves
    read: Mapping[ChainId, ChainSnapshot]

    def compare(self, snapshot: ChainSnapshot) -> Iterator[str]:
        """Compare every stated price of a chain's assets with what its markets have."""
        found: dict[str, list[Price]] = {}
        for price in snapshot.prices:
            found.setdefault(str(price.asset), []).append(price)
        for leaf in self.leaves.prices:
            if not leaf.asset.startswith(f"{snapshot.chain}/"):
                continue
            path = f"prices[{leaf.index}]"
            candidates = found.get(leaf.asset)
            if not candidates:
                yield f"{path}: the configured markets have no price of {leaf.asset}"
            elif not any(self._same(leaf, price) for price in candidates):
                price = candidates[0]
                numbers = " or ".join(str(n) for n in sorted(self._numbers(leaf, price)))
                if numbers:
                    yield from _differ(f"{path}.priceE8", str(leaf.price_e8), numbers)
                yield from _differ(f"{path}.publishTime", leaf.publish_time, price.published_at)
                yield from _differ(f"{path}.feedId", leaf.feed_id, identify_feed(price))

    def _same(self, leaf: PriceLeaf, price: Price) -> bool:
        same_feed = (leaf.publish_time, leaf.feed_id) == (price.published_at, identify_feed(price))
        return same_feed and self._numbers(leaf, price) <= {leaf.price_e8}

    def _numbers(self, leaf: PriceLeaf, price: Price) -> set[int]:
        """Give what a feed's price is for the legs that name it, by their ratios.

        Legs of chains that were not read do not count, as their ratios are not known.
        """
        legs = [
            (AssetId.parse(leg.asset), Side(leg.side))
            for leg in self.leaves.positions
            if leg.price == leaf.index
        ]
        held = self._ratio_of(price.asset)
        return {
            convert_price(price, held=held, wanted=self._ratio_of(asset), side=side).usd
            for asset, side in legs or [(price.asset, Side.COLLATERAL)]
            if asset.chain in self.read
        }

    def _ratio_of(self, asset: AssetId) -> Wad:
        snapshot = self.read.get(asset.chain)
        known = snapshot.ratios if snapshot else ()
        return next((r.value for r in known if r.asset == asset and r.valid), ONE)


def _compare_positions(leaves: Leaves, block: BlockRef, snapshot: ChainSnapshot) -> Iterator[str]:
    held = {
        _key_of_leg(position, leg): (position, leg)
        for position in snapshot.positions
        for leg in position.legs
    }
    stated = {
        _key_of_leaf(leaves, leaf): leaf
        for leaf in leaves.positions
        if leaf.block_ref == block.index and not is_published(leaf)
    }
    for key, leaf in stated.items():
        if key in held:
            yield from _compare_leg(leaf, *held[key])
        elif leaf.amount_raw:
            yield f"positions[{leaf.index}]: {leaf.asset} is not held or owed there"
    for key, (position, leg) in held.items():
        if leg.units and key not in stated:
            side = leg.side.name.lower()
            yield f"left out: {side} of {leg.units} {leg.asset} in {position.market}"


def _compare_leg(leaf: PositionLeaf, position: Position, leg: Leg) -> Iterator[str]:
    path = f"positions[{leaf.index}]"
    formula = f"{position.protocol}@{position.version}"
    for name, stated, held in (
        ("amountRaw", leaf.amount_raw, leg.units),
        ("decimals", leaf.decimals, leg.decimals),
        ("ltvBps", leaf.ltv_bps, leg.ltv),
        ("liqThresholdBps", leaf.liq_threshold_bps, leg.liquidation_threshold),
        ("formula", leaf.formula, formula),
    ):
        yield from _differ(f"{path}.{name}", stated, held)


def _key_of_leg(position: Position, leg: Leg) -> _Key:
    account, market = str(position.account), identify_market(position)
    return account, position.protocol, market, str(leg.asset), leg.side


def _key_of_leaf(leaves: Leaves, leaf: PositionLeaf) -> _Key:
    account = leaves.accounts[leaf.account].caip10
    return account, leaf.protocol, leaf.market, leaf.asset, leaf.side


def _differ(path: str, stated: int | str, held: int | str) -> Iterator[str]:
    if stated != held:
        yield f"{path} is {stated}, the chain has {held}"
