"""Evidence of two hundred borrowers per Aave version: what it proves is what the adapter read."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.protocols.aave_v3.math import NO_DEBT
from chains.model.ids import Address
from proofs.evidence.aave_v3 import is_debt_free
from proofs.evidence.bundle import BlockEvidence, decode_bundle, encode_bundle, open_block
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import IMPLEMENTATION
from proofs.evidence.legs import calculate_account, list_legs
from proofs.evidence.state import CollectingState, Lacking, ProvedState
from proofs.evidence.users import Subject
from proofs.statement import Evidence
from tests.chains.evm.protocols.aave_v3.seeding import account_of, client_of
from tests.proofs.evidence.conftest import Scene
from tests.proofs.evidence.gathering import gather, gather_block

pytestmark = pytest.mark.net

NOBODY = Address("0x" + "0b" * 20)


@contextmanager
def refused(*flaws: Flaw) -> Iterator[None]:
    with pytest.raises(EvidenceRefused) as found:
        yield
    assert found.value.flaw in flaws


@contextmanager
def undone(scene: Scene) -> Iterator[None]:
    name = scene.chain.snapshot()
    try:
        yield
    finally:
        scene.chain.rpc.request("evm_revert", name)


def test_every_account_is_proved_to_be_what_the_adapter_read(scene: Scene) -> None:
    proved, adapter = scene.all.verify(), scene.all.adapter
    state = adapter.state
    assert proved.market == replace(
        state,
        reserves={number: state.reserves[number] for number in proved.market.reserves},
        categories={number: state.categories[number] for number in proved.market.categories},
    )
    assert proved.market.reserves.keys() == state.reserves.keys()
    assert len(adapter.positions) == len(scene.borrowers) == len(proved.users) == 200
    for position in adapter.positions:
        account = position.account.evm_address
        user = adapter.users[position.account]
        used = {holding.number for holding in proved.users[account].holdings}
        assert proved.users[account] == replace(
            user, holdings=tuple(h for h in user.holdings if h.number in used)
        )
        data = calculate_account(proved, account)
        assert (data.collateral, data.debt) == (position.native_collateral, position.native_debt)
        assert data.health == (position.native_health or NO_DEBT)
        assert [
            (leg.asset, leg.side, leg.units, leg.decimals, leg.accrual)
            for leg in list_legs(proved, account)
        ] == [
            (leg.asset.token, leg.side, leg.units, leg.decimals, leg.accrual)
            for leg in position.legs
        ]
        assert [
            (leg.price, leg.ltv, leg.liquidation_threshold) for leg in list_legs(proved, account)
        ] == [(leg.price.usd, leg.ltv, leg.liquidation_threshold) for leg in position.legs]


def test_prices_are_proved_with_the_time_of_their_round(scene: Scene) -> None:
    proved = scene.all.verify()
    read = {price.asset.token: price for price in scene.all.adapter.prices}
    for asset, price in read.items():
        found = proved.prices[asset]
        assert found.evidence is Evidence.PROVED
        assert (found.usd, found.published_at) == (price.usd, price.published_at)
        assert found.feed == price.feed


def test_evidence_survives_its_file(scene: Scene) -> None:
    (evidence,) = decode_bundle(encode_bundle([scene.few.evidence]))
    assert evidence == scene.few.evidence
    assert scene.few.verify(evidence) == scene.few.verify()


def test_any_changed_node_is_refused_as_missing(scene: Scene) -> None:
    nodes = scene.few.evidence.nodes
    for index, node in enumerate(nodes):
        changed = node[:-1] + bytes([node[-1] ^ 1])
        with refused(Flaw.MISSING_NODE):
            spoilt = (*nodes[:index], changed, *nodes[index + 1 :])
            scene.few.verify(replace(scene.few.evidence, nodes=spoilt))


def test_any_node_left_out_is_refused_as_missing(scene: Scene) -> None:
    nodes = scene.few.evidence.nodes
    for index in range(len(nodes)):
        with refused(Flaw.MISSING_NODE):
            spoilt = (*nodes[:index], *nodes[index + 1 :])
            scene.few.verify(replace(scene.few.evidence, nodes=spoilt))


def test_evidence_of_one_account_proves_nothing_of_another(scene: Scene) -> None:
    other = Subject(account=scene.borrowers[100])
    with refused(Flaw.MISSING_NODE):
        scene.few.verify(subjects=[other])
    with refused(Flaw.UNUSED):
        scene.all.verify(subjects=[other])


def test_evidence_of_one_market_proves_nothing_of_another_contract(scene: Scene) -> None:
    for pool in (NOBODY, scene.chain.deployment.aave.oracle):
        with refused(Flaw.MISSING_NODE, Flaw.CODE):
            replace(scene.few, pool=pool).verify()


def test_nodes_and_codes_that_nothing_needs_are_refused(scene: Scene) -> None:
    evidence = scene.few.evidence
    for spoilt in (
        replace(evidence, nodes=scene.all.evidence.nodes),
        replace(evidence, codes=(*evidence.codes, b"more")),
    ):
        with refused(Flaw.UNUSED):
            scene.few.verify(spoilt)


def test_the_header_of_another_block_or_a_changed_one_is_refused(scene: Scene) -> None:
    header = bytearray(scene.few.evidence.header)
    for place in range(0, len(header), 7):
        header[place] ^= 1
        with refused(Flaw.BLOCK_HASH, Flaw.HEADER):
            scene.few.verify(replace(scene.few.evidence, header=bytes(header)))
        header[place] ^= 1


def test_evidence_of_an_older_state_does_not_reach_the_newer_root(scene: Scene) -> None:
    with undone(scene):
        scene.chain.set_price("WETH", 1_500, protocol_only=True)
        newer = gather(scene.chain, scene.borrowers[:3])
    assert newer.verify() != scene.few.verify()
    with refused(Flaw.MISSING_NODE):
        newer.verify(replace(newer.evidence, nodes=scene.few.evidence.nodes))


def test_a_code_that_is_left_out_or_changed_is_refused(scene: Scene) -> None:
    evidence = scene.few.evidence
    for index, code in enumerate(evidence.codes):
        others = (*evidence.codes[:index], *evidence.codes[index + 1 :])
        for codes in (others, (*others, code[:-1] + bytes([code[-1] ^ 1]))):
            with refused(Flaw.CODE, Flaw.PRICE):
                scene.few.verify(replace(evidence, codes=codes))


def test_known_codes_need_not_be_in_the_evidence(scene: Scene) -> None:
    evidence = scene.few.evidence
    _, state = open_block(evidence, scene.few.anchor.hash)
    scene.few.reading()(state)
    lean = replace(evidence, codes=())
    _, again = open_block(lean, scene.few.anchor.hash, known=state.recognised)
    assert scene.few.reading()(again) == scene.few.verify()
    again.check_all_used()


async def test_a_pool_upgraded_to_unknown_code_proves_nothing(scene: Scene) -> None:
    chain, pool = scene.chain, scene.chain.deployment.aave.pool
    stranger = "0x" + chain.deployment.aave.oracle[2:].rjust(64, "0")
    with undone(scene):
        chain.rpc.request("anvil_setStorageAt", pool, f"0x{IMPLEMENTATION:064x}", stranger)
        chain.mine()
        async with client_of(chain) as client:
            anchor = (await client.read_head("latest")).anchor
            with pytest.raises(EvidenceRefused, match="should be a pool") as found:
                await gather_block(client, anchor, scene.few.reading())
    assert found.value.flaw is Flaw.CODE


async def test_the_next_block_takes_one_round(scene: Scene) -> None:
    rounds = 0

    def reading(state: ProvedState) -> None:
        nonlocal rounds
        rounds += isinstance(state, CollectingState)
        scene.few.reading()(state)

    async with client_of(scene.chain) as client:
        anchor = scene.few.anchor
        evidence, _ = await gather_block(client, anchor, reading, first=scene.few.asked)
    assert evidence == scene.few.evidence
    assert rounds == 1


def test_absence_of_debt_is_one_word_of_the_pool(scene: Scene) -> None:
    with undone(scene):
        scene.chain.supply("WETH", NOBODY, 10**18)
        found = gather(scene.chain, [NOBODY, scene.borrowers[0]])
    _, state = open_block(found.evidence, found.anchor.hash)
    assert is_debt_free(state, found.pool, NOBODY)
    assert not is_debt_free(state, found.pool, scene.borrowers[0])
    (leg,) = list_legs(found.verify(), NOBODY)
    assert leg.units == found.adapter.positions[0].legs[0].units >= 10**18 - 1


def test_an_account_that_was_never_there_is_proved_to_have_nothing(scene: Scene) -> None:
    nobody = gather(scene.chain, [NOBODY])
    proved = nobody.verify()
    assert list_legs(proved, NOBODY) == ()
    assert calculate_account(proved, NOBODY).health == NO_DEBT
    _, state = open_block(nobody.evidence, nobody.anchor.hash)
    assert is_debt_free(state, nobody.pool, NOBODY)


def test_a_silent_feed_is_no_proof_and_its_price_must_be_given(scene: Scene) -> None:
    token = scene.chain.deployment.tokens["WETH"]
    borrower = next(s.account for s in scene.all.subjects if token.address in s.assets)
    with undone(scene):
        scene.chain.send(token.feed, "set(int256)", 0)
        with refused(Flaw.PRICE):
            gather(scene.chain, [borrower])
        silent = gather(scene.chain, [borrower], given={token.address: 123})
    price = silent.verify(given={token.address: 123}).prices[token.address]
    assert (price.usd, price.evidence, price.published_at) == (123, Evidence.QUORUM_READ, None)


def test_a_feed_whose_code_is_unknown_is_named_but_not_believed(scene: Scene) -> None:
    evidence = scene.few.evidence
    known = [code for code in evidence.codes if len(code) != 1443]
    assert len(known) < len(evidence.codes)
    prices = {asset: price.usd for asset, price in scene.few.verify().prices.items()}
    header, state = open_block(replace(evidence, codes=tuple(known)), scene.few.anchor.hash)
    assert header.hash == scene.few.anchor.hash
    proved = scene.few.reading(given=prices)(state)
    assert proved.market == scene.few.verify().market
    assert {price.evidence for price in proved.prices.values()} == {Evidence.QUORUM_READ}
    with refused(Flaw.UNUSED):
        state.check_all_used()


def test_an_asset_that_is_no_reserve_is_refused(scene: Scene) -> None:
    _, state = open_block(scene.few.evidence, scene.few.anchor.hash)
    collecting = CollectingState(scene.few.anchor.state_root or b"", nodes=(), known={})
    stranger = Subject(account=scene.borrowers[0], assets=frozenset({NOBODY}))
    with refused(Flaw.MISSING_NODE, Flaw.MARKET):
        scene.few.reading(subjects=[stranger])(state)
    with pytest.raises(Lacking):
        scene.few.reading(subjects=[stranger])(collecting)
    assert account_of(scene.chain, NOBODY) not in scene.few.adapter.users


@given(data=st.data())
def test_a_file_spoilt_anywhere_is_refused_or_proves_the_same(
    scene: Scene, data: st.DataObject
) -> None:
    raw = bytearray(encode_bundle([scene.few.evidence]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
    with suppress(EvidenceRefused):
        (evidence,) = decode_bundle(bytes(raw))
        assert scene.few.verify(evidence) == scene.few.verify()


@given(data=st.data())
def test_nodes_spoilt_behind_the_checksum_never_prove_anything_else(
    scene: Scene, data: st.DataObject
) -> None:
    evidence = scene.few.evidence
    parts = {"nodes": list(evidence.nodes), "codes": list(evidence.codes)}
    for name in data.draw(st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=3)):
        index = data.draw(st.integers(0, len(parts[name]) - 1))
        parts[name][index] = data.draw(
            st.one_of(st.binary(max_size=600), st.sampled_from(parts[name]))
        )
    spoilt = BlockEvidence(
        chain=evidence.chain,
        header=evidence.header,
        nodes=tuple(parts["nodes"]),
        codes=tuple(parts["codes"]),
    )
    with suppress(EvidenceRefused):
        assert scene.few.verify(spoilt) == scene.few.verify()
