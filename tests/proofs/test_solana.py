"""Attestations over two EVM chains and Solana: what is stated, and that it verifies offline."""

from dataclasses import replace

import pytest

from chains.model.ids import Address, AssetId
from chains.model.position import Side
from chains.model.price import Price, PriceStatus
from chains.model.units import Usd
from proofs.build import StatedLeg, StatementError, identify_feed
from proofs.document import Document, encode_document
from proofs.refusal import Refusal, Refused
from proofs.statement import BlockKind, Evidence, PositionLeaf, PriceLeaf, Source, Statement
from proofs.verify import Expected, verify_file
from tests.proofs import samples, solana
from tests.proofs.solana import ACCOUNT, PYTH_ID, SOL, SOL_PRICE, SOLANA, statement


def verify(made: Statement) -> None:
    document = Document(statement=made, signatures=samples.sign(made))
    verdict = verify_file(encode_document(document), Expected(), now=samples.NOW)
    assert verdict.digest == made.digest


def test_a_statement_over_two_worlds_verifies_offline() -> None:
    made = statement()
    verify(made)
    # 20 SOL x 150 x 0.8 beside what the EVM chains hold, 900 USDC beside what they owe
    extra = statement(legs=samples.LEGS)
    grown = made.header.net_equity_e8 - extra.header.net_equity_e8
    assert grown == 2_400 * 10**8 + 12 - (900 * 10**8 + 100)


def test_a_slot_is_a_block_reference_of_its_own_kind_without_a_state_root() -> None:
    block = statement().leaves.blocks[2]
    assert (block.caip2, block.kind, block.height) == (str(SOLANA), BlockKind.SOLANA, solana.SLOT)
    assert (block.block_hash, block.state_root) == (solana.ANCHOR.hash, bytes(32))


def test_leaves_of_solana_say_that_they_were_read_by_a_quorum() -> None:
    leaves = statement().leaves
    backed: list[PositionLeaf | PriceLeaf] = [*leaves.positions, *leaves.prices]
    ours = [leaf for leaf in backed if leaf.asset.startswith(str(SOLANA))]
    assert len(ours) == 4
    assert {leaf.evidence for leaf in ours} == {Evidence.QUORUM_READ}


def test_a_position_names_its_own_account_where_a_wallet_may_have_several() -> None:
    second = replace(solana.position(), obligation=Address(ACCOUNT))
    legs = (*solana.LEGS, replace(solana.LEGS[3], position=second))
    made = statement(legs=legs)
    verify(made)
    markets = [leaf.market for leaf in made.leaves.positions[3:]]
    assert markets == [f"{SOLANA}:{key}" for key in (solana.OBLIGATION, solana.OBLIGATION, ACCOUNT)]


def test_the_same_leg_of_the_same_obligation_still_cannot_stand_twice() -> None:
    made = statement(legs=(*solana.LEGS, solana.LEGS[3]))
    with pytest.raises(Refused) as caught:
        verify(made)
    assert caught.value.refusal is Refusal.DUPLICATED_LEAF


@pytest.mark.parametrize(
    ("source", "feed", "stated", "feed_id"),
    [
        ("pyth", PYTH_ID, Source.PYTH, PYTH_ID),
        ("switchboard", ACCOUNT, Source.SWITCHBOARD, f"{SOLANA}:{ACCOUNT}"),
        ("scope", f"{ACCOUNT}/12.34", Source.SCOPE, f"{SOLANA}:{ACCOUNT}/12.34"),
    ],
)
def test_each_oracle_of_solana_is_stated_with_its_feed(
    source: str, feed: str, stated: Source, feed_id: str
) -> None:
    prices = (*samples.PRICES, replace(SOL_PRICE, source=source, feed=feed), solana.USDC_PRICE)
    made = statement(prices=prices)
    verify(made)
    leaf = made.leaves.prices[3]
    assert (leaf.source, leaf.feed_id) == (stated, feed_id)


@pytest.mark.parametrize("source", ["save", "klend", "marginfi"])
def test_a_price_that_a_protocol_keeps_itself_is_never_signed(source: str) -> None:
    stored = replace(SOL_PRICE, source=source, feed=ACCOUNT)
    with pytest.raises(StatementError, match=source):
        statement(prices=(*samples.PRICES, stored, solana.USDC_PRICE))
    marked = replace(stored, status=PriceStatus.STALE)
    with pytest.raises(StatementError, match="stale"):
        statement(prices=(*samples.PRICES, marked, solana.USDC_PRICE))


def test_an_evm_feed_is_a_caip_10_id_and_a_networks_own_id_stays() -> None:
    price = samples.PRICES[0]
    assert identify_feed(price) == f"{samples.CHEAP}:{price.feed}"
    assert identify_feed(replace(price, feed=PYTH_ID)) == PYTH_ID


def converted(usd: int) -> Price:
    return replace(SOL_PRICE, usd=Usd(usd))


def test_a_staked_legs_price_is_stated_as_it_counts_and_multiplies_out() -> None:
    staked = AssetId.spl(SOLANA, Address("J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"))
    held = solana.leg(SOL_PRICE, Side.COLLATERAL, 10**9, 9, asset=staked)
    legs = (*solana.LEGS, StatedLeg(position=solana.position(), leg=held, price=5))
    made = statement(legs=legs, prices=(*solana.PRICES, converted(180 * 10**8)))
    verify(made)
    leaf = made.leaves.positions[5]
    assert (leaf.asset, leaf.value_e8) == (str(staked), 180 * 10**8)
    assert made.leaves.prices[leaf.price].asset == str(SOL)


def test_blocks_of_two_worlds_too_far_apart_are_not_stated() -> None:
    late = replace(solana.ANCHOR, time=samples.NOW - 40)
    legs = tuple(
        replace(found, position=replace(found.position, anchor=late))
        if found.position.anchor == solana.ANCHOR
        else found
        for found in solana.LEGS
    )
    with pytest.raises(StatementError, match="38 s apart"):
        statement(anchors=(*samples.ANCHORS, late), legs=legs)
