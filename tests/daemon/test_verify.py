"""Comparing leaves with what a reader finds at the same blocks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from chains.errors import Unreachable
from chains.model.anchor import Head
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Position, Side
from chains.model.price import Ratio
from chains.model.snapshot import ChainSnapshot
from chains.model.units import WAD, Bps, Usd, Wad
from daemon.verify import ChainAccess, Comparison, compare_with_chain
from proofs.build import build_statement
from proofs.params import Params
from proofs.statement import Statement
from tests.proofs import samples, solana
from tests.proofs.samples import ANCHORS, CHEAP, DEAR, LEGS, PRICES
from tests.support.values import fees


@dataclass
class Chain:
    """A reader of one fixed snapshot."""

    snapshot: ChainSnapshot

    async def read_head(self, block: bytes) -> Head:
        assert block == self.snapshot.anchor.hash
        return Head(anchor=self.snapshot.anchor, parent_hash=bytes(32), base_fee_wei=0)

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        assert head.anchor == self.snapshot.anchor
        assert {account.chain for account in accounts} == {head.anchor.chain}
        return self.snapshot


class Dead(Chain):
    """A chain that nobody answers for."""

    async def read_head(self, block: bytes) -> Head:
        raise Unreachable(CHEAP, f"no endpoint has {block.hex()}")


def held(index: int) -> Position:
    legs = tuple(stated.leg for stated in LEGS if stated.position.anchor == ANCHORS[index])
    return replace(samples.position(index), legs=legs)


def snapshot(index: int) -> ChainSnapshot:
    chain = (CHEAP, DEAR)[index]
    return ChainSnapshot(
        anchor=ANCHORS[index],
        positions=(held(index),),
        funds=(),
        prices=tuple(price for price in PRICES if price.asset.chain == chain),
        references=(),
        fees=fees(),
    )


def access(
    *, cheap: ChainSnapshot | None = None, dear: ChainSnapshot | None = None
) -> Mapping[ChainId, ChainAccess]:
    chains = {CHEAP: Chain(cheap or snapshot(0)), DEAR: Chain(dear or snapshot(1))}
    return {chain: ChainAccess(blocks=way, reader=way) for chain, way in chains.items()}


async def test_true_leaves_have_no_difference() -> None:
    assert await compare_with_chain(samples.statement(), access()) == Comparison()


def _without_debt(found: ChainSnapshot) -> ChainSnapshot:
    (position,) = found.positions
    legs = tuple(leg for leg in position.legs if leg.side is Side.COLLATERAL)
    return replace(found, positions=(replace(position, legs=legs),))


def _with_more_debt(found: ChainSnapshot) -> ChainSnapshot:
    (position,) = found.positions
    debt = replace(position.legs[0], side=Side.DEBT, units=7)
    return replace(found, positions=(replace(position, legs=(*position.legs, debt)),))


def _with_other_terms(found: ChainSnapshot) -> ChainSnapshot:
    (position,) = found.positions
    first, *rest = position.legs
    changed = replace(first, units=first.units + 1, liquidation_threshold=Bps(1))
    return replace(found, positions=(replace(position, version="3.6", legs=(changed, *rest)),))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: replace(s, anchor=replace(s.anchor, time=1)), ["blocks[1].time"]),
        (lambda s: replace(s, anchor=replace(s.anchor, height=1)), ["blocks[1].height"]),
        (
            lambda s: replace(s, anchor=replace(s.anchor, state_root=bytes(32))),
            ["blocks[1].stateRoot"],
        ),
        (lambda s: replace(s, prices=s.prices[:1]), ["prices[2]: the configured markets"]),
        (
            lambda s: replace(s, prices=(replace(s.prices[0], usd=Usd(1)), *s.prices[1:])),
            ["prices[1].priceE8"],
        ),
        (
            lambda s: replace(s, prices=(replace(s.prices[0], published_at=1), *s.prices[1:])),
            ["prices[1].publishTime"],
        ),
        (_without_debt, ["positions[2]: "]),
        (_with_more_debt, ["left out: debt of 7"]),
        (
            _with_other_terms,
            [
                "positions[1].amountRaw",
                "positions[1].liqThresholdBps",
                "positions[1].formula",
                "positions[2].formula",
            ],
        ),
    ],
)
async def test_every_difference_is_one_line(
    change: Callable[[ChainSnapshot], ChainSnapshot], named: list[str]
) -> None:
    found = await compare_with_chain(samples.statement(), access(dear=change(snapshot(1))))
    assert found.unreadable == ()
    assert len(found.differences) == len(named)
    for line, start in zip(found.differences, named, strict=True):
        assert line.startswith(start)
        assert "\n" not in line


async def test_a_chain_that_cannot_be_asked_is_named() -> None:
    ways = dict(access())
    dead = Dead(snapshot(0))
    ways[CHEAP] = ChainAccess(blocks=dead, reader=dead)
    del ways[DEAR]
    found = await compare_with_chain(samples.statement(), ways)
    assert found.differences == ()
    assert [line[:9] for line in found.unreadable] == ["blocks[0]", "blocks[1]"]
    assert "no endpoint has" in found.unreadable[0]
    assert "configured" in found.unreadable[1]


async def test_a_slot_of_solana_is_said_to_be_unreadable_and_the_rest_is_compared() -> None:
    found = await compare_with_chain(solana.statement(), access())
    assert found == Comparison(
        unreadable=(f"blocks[2]: a slot of {solana.SOLANA} is not read again",)
    )


STAKED = AssetId.erc20(CHEAP, Address("0x" + "57" * 20))


def staked(ratio: int) -> tuple[Statement, ChainSnapshot]:
    """Give the samples with their WETH held as a staked form instead, and its chain."""
    usd = Usd(PRICES[0].usd * ratio // WAD)
    leg = replace(LEGS[0], leg=replace(LEGS[0].leg, asset=STAKED))
    made = build_statement(
        samples.TERMS,
        members=samples.MEMBERS,
        salt=samples.SALT,
        anchors=ANCHORS,
        legs=(leg, *LEGS[1:]),
        prices=(replace(PRICES[0], usd=usd), *PRICES[1:]),
        params=Params(),
    )
    found = snapshot(0)
    held = replace(found.positions[0], legs=(leg.leg,))
    known = Ratio(asset=STAKED, value=Wad(12 * WAD // 10), source="lido")
    return made, replace(found, positions=(held,), ratios=(known,))


async def test_a_price_converted_by_a_ratio_is_compared_with_that_ratio() -> None:
    made, chain = staked(12 * WAD // 10)
    assert await compare_with_chain(made, access(cheap=chain)) == Comparison()
    wrong, chain = staked(13 * WAD // 10)
    found = await compare_with_chain(wrong, access(cheap=chain))
    assert found.differences == (
        f"prices[0].priceE8 is {2_600 * 10**8}, the chain has {2_400 * 10**8}",
    )
