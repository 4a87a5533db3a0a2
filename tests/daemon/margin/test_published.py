"""What venues publish adds losses, never gains, to what triggers, gates or is signed."""

import json
from dataclasses import replace

import pytest

from chains.model.position import Side
from chains.model.snapshot import BookGap
from chains.model.units import USD, WAD, Bps
from daemon.margin.report import MarginReport
from daemon.margin.risk import Tier, Underlying
from proofs.build import StatementError
from proofs.committee import Committee
from proofs.document import Document, decode_document, encode_document
from proofs.evidence.claims import find_claims
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import Evidence, Statement
from proofs.typed import ZERO
from proofs.verify import Expected, verify_document
from tests.daemon.margin import venues_story as s
from tests.proofs.js.test_node import run_script
from tests.support import books as b
from tests.support import values as v

SIGNER = Secp256k1Signer(bytes(range(1, 33)))
HEDGED = (s.weth(10), s.usdc(15_000))
GAIN = b.part("50000", spot=[b.spot("9")], perps=[b.perp("10", "1000", "2000")])


def state(found: MarginReport) -> Statement:
    committee = Committee.first("plimsoll-test", [SIGNER.address], 1)
    return v.stating("plimsoll-test").state(found, committee, prev_digest=ZERO)


def test_losses_and_margins_are_required_and_gains_are_not() -> None:
    found = s.report(*HEDGED, books=(s.book(b.part("50000", perps=[b.perp(entry="1900")])),))
    assert found.unified is not None
    assert (found.unified.collateral, found.unified.requirement) == (17_000 * USD, 16_400 * USD)
    gained = s.report(*HEDGED, books=(s.book(GAIN),))
    assert gained.unified is not None
    assert (gained.unified.collateral, gained.unified.requirement) == (17_000 * USD, 15_400 * USD)
    assert gained.standard is not None
    assert gained.standard.maintenance.collateral > 80_000 * USD


def test_the_rescuable_figure_bears_the_losses_too() -> None:
    alone, hedged = (
        s.report(*HEDGED, books=books) for books in ((), (s.book(b.part(perps=[b.perp()])),))
    )
    assert alone.rescuable is not None
    assert hedged.rescuable is not None
    assert hedged.rescuable == 17_000 * WAD // 15_400 < alone.rescuable


def test_an_isolated_loss_is_required_up_to_what_was_posted() -> None:
    lost = b.part("100", isolated=True, perps=[b.perp("-10", "1000", "2000")])
    found = s.report(*HEDGED, books=(s.book(lost),))
    assert [book.required for book in found.published] == [100 * USD]


def test_a_gap_leaves_no_unified_figure_and_keeps_the_last_losses() -> None:
    last = s.book(b.part(perps=[b.perp()]))
    gap = BookGap(account=last.account, reason="it is too old", since=v.NOW, last=last)
    found = s.report(*HEDGED, books=(gap,))
    assert found.unified is None
    assert found.decision is None
    assert found.standard is None
    assert found.incomplete == ("venue:deribit:12345: it is too old",)
    assert found.low is not None
    assert found.low.requirement == 15_400 * USD
    unread = s.report(*HEDGED, books=(replace(gap, last=None),))
    assert (unread.low, unread.high) == (None, None)


def test_the_decision_is_the_least_factor_in_parts_of_its_floor() -> None:
    """Floors are 1.10 native and 1.50 unified; the position's own factor is 2."""
    alone = s.report(s.weth(10), s.usdc(8_500))
    assert alone.decision == 2 * WAD * 10 // 15
    perilous = b.part("440", native_health="1.1", perps=[b.perp()])
    found = s.report(s.weth(10), s.usdc(1_000), books=(s.book(perilous),))
    assert found.decision == WAD
    assert s.report(s.weth(10)).decision == 2 * WAD * 10 // 11


def test_a_signed_book_is_stated_as_a_requirement_that_verifiers_add_up() -> None:
    book = s.book(b.part("50000", perps=[b.perp(entry="1900")]))
    found = s.report(*HEDGED, books=(book,))
    made = state(found)
    [leaf] = [p for p in made.leaves.positions if p.side == Side.REQUIREMENT]
    assert (leaf.evidence, leaf.evidence_hash) == (Evidence.PUBLISHER_SIGNED, book.digest)
    assert leaf.market == f"{v.CHEAP}:{b.PUBLISHER.address}"
    assert leaf.protocol == "book:venue:deribit:12345"
    assert leaf.value_e8 == 1_400 * USD
    assert any(market.protocol == leaf.protocol for market in made.params.markets)

    document = Document(statement=made, signatures=((0, SIGNER.sign(made.digest)),))
    raw = encode_document(document)
    verdict = verify_document(decode_document(raw), Expected(), now=v.NOW)
    assert verdict.health == found.unified
    asked = json.dumps({"file": raw.hex(), "now": v.NOW})
    assert run_script("file.mjs", asked)[:2] == [str(17_000 * USD), str(16_400 * USD)]


def test_a_published_requirement_is_no_claim_about_a_chains_state() -> None:
    """Otherwise an account with a book could not have its lending proved."""
    taken = s.snapshot(*HEDGED, books=(s.book(b.part(perps=[b.perp()])),))
    anchor = replace(taken.read[0].anchor, state_root=bytes([1] * 32))
    [position] = taken.read[0].positions
    rooted = replace(taken.read[0], anchor=anchor, positions=(replace(position, anchor=anchor),))
    found = s.judge(replace(taken, chains=(rooted,)))
    claim = find_claims(state(found))[str(v.CHEAP)]
    assert [leaf.side for leaf in claim.positions] == [Side.COLLATERAL, Side.DEBT]
    assert [market.protocol for market in claim.markets] == ["aave_v3"]


def test_an_attestation_lives_no_longer_than_its_book() -> None:
    book = replace(s.book(b.part()), published_at=v.NOW - 100)
    assert state(s.report(*HEDGED, books=(book,))).header.expires_at == v.NOW + 20


def test_a_book_that_nobody_signed_counts_and_keeps_the_account_unattested() -> None:
    own = s.book(b.part(perps=[b.perp()]), publisher=None)
    found = s.report(*HEDGED, books=(own,))
    assert found.unified is not None
    assert found.unified.requirement == 15_400 * USD
    with pytest.raises(StatementError, match="venue:deribit:12345 is not signed by anybody"):
        state(found)


def test_a_book_beside_no_priced_evm_asset_counts_and_is_not_stated() -> None:
    taken = s.snapshot(books=(s.book(b.part(perps=[b.perp()])),))
    bare = replace(taken.read[0], positions=())
    found = s.judge(replace(taken, chains=(bare,)))
    assert found.unified is not None
    assert found.unified.requirement == 400 * USD
    with pytest.raises(StatementError, match="beside an EVM chain only"):
        state(found)


def test_a_requirement_is_stated_in_the_stablest_asset_that_weighs_least() -> None:
    risk = v.risk_table(
        WETH=Underlying(symbol="WETH", tier=Tier.MAJOR),
        USDC=Underlying(symbol="USDC", tier=Tier.STABLE, debt_weight=Bps(10_500)),
    )
    book = s.book(b.part(perps=[b.perp()]))
    level = v.risk_table(USDC=Underlying(symbol="USDC", tier=Tier.STABLE))
    for table, symbol in ((level, "USDC"), (risk, "WETH")):
        [found] = s.report(*HEDGED, books=(book,), risk=table).published
        assert found.leg is not None
        assert (found.leg.leg.symbol, found.required) == (symbol, 400 * USD)
