"""A state of a few accounts: what nodes prove of it, what they do not, and what is gathered."""

from collections.abc import Mapping
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import hexary

from chains.model.ids import Address
from proofs.evidence.codes import Code
from proofs.evidence.collect import Collector
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.state import EMPTY_CODE, CollectingState, Lacking, ProvedState, Slot
from proofs.evidence.trie import EMPTY_ROOT

HexaryTrie: Any = hexary.HexaryTrie
ONE, TWO, NOBODY = (Address("0x" + digits * 20) for digits in ("a1", "b2", "c3"))
CODE = b"some code"
KNOWN = {keccak(CODE): Code(release="test@1", role="part")}
WORDS = {0: 1, 1: 2**256 - 1, 7: 0x80, 900: 5}


class World:
    """A state trie with one contract, another account, and every node of it."""

    def __init__(self, words: Mapping[int, int], *, account: list[Any] | None = None) -> None:
        storage = HexaryTrie({})
        for key, word in words.items():
            storage[keccak(key.to_bytes(32, "big"))] = rlp.encode(word)
        accounts = HexaryTrie({})
        contract = account or [1, 10**18, storage.root_hash, keccak(CODE)]
        for address, fields in ((ONE, contract), (TWO, [9, 0, EMPTY_ROOT, EMPTY_CODE])):
            accounts[keccak(bytes.fromhex(address[2:]))] = rlp.encode(fields)
        self.root = accounts.root_hash
        self.nodes = frozenset((*storage.db.values(), *accounts.db.values()))


WORLD = World(WORDS)


def refused(world: World, slot: Slot) -> EvidenceRefused:
    with pytest.raises(EvidenceRefused) as found:
        ProvedState(world.root, nodes=world.nodes).word(slot)
    return found.value


def test_words_and_their_absence_are_read() -> None:
    state = ProvedState(WORLD.root, nodes=WORLD.nodes)
    assert {key: state.word(Slot(ONE, key)) for key in WORDS} == WORDS
    assert state.word(Slot(ONE, 2)) == 0
    assert state.word(Slot(TWO, 0)) == 0
    assert state.word(Slot(NOBODY, 0)) == 0
    assert state.account(NOBODY).code_hash == EMPTY_CODE


def test_a_missing_node_is_refused_by_the_name_of_what_it_hides() -> None:
    with pytest.raises(EvidenceRefused, match=f"account {ONE}: no node") as found:
        ProvedState(WORLD.root, nodes=()).word(Slot(ONE, 7))
    assert found.value.flaw is Flaw.MISSING_NODE
    whole = ProvedState(WORLD.root, nodes=WORLD.nodes)
    whole.account(ONE)
    with pytest.raises(EvidenceRefused, match=f"slot 0x7 of {ONE}: no node") as found:
        ProvedState(WORLD.root, nodes=whole.used_nodes).word(Slot(ONE, 7))
    assert found.value.flaw is Flaw.MISSING_NODE


@pytest.mark.parametrize(
    "account",
    [
        [1, 0, EMPTY_ROOT],
        [b"\x00\x01", 0, EMPTY_ROOT, EMPTY_CODE],
        [1, [], EMPTY_ROOT, EMPTY_CODE],
        [1, 0, EMPTY_ROOT[:31], EMPTY_CODE],
        [1, 0, EMPTY_ROOT, EMPTY_CODE + b"\x00"],
    ],
)
def test_a_value_that_is_no_account_is_refused(account: list[Any]) -> None:
    assert refused(World(WORDS, account=account), Slot(ONE, 0)).flaw is Flaw.BAD_VALUE


@pytest.mark.parametrize("word", [2**256, b"\x00\x01", [b"\x01"]])
def test_a_value_that_is_no_word_is_refused(word: Any) -> None:  # noqa: ANN401 -- anything
    assert refused(World({**WORDS, 3: word}), Slot(ONE, 3)).flaw is Flaw.BAD_VALUE


def test_what_nothing_needed_is_refused() -> None:
    state = ProvedState(WORLD.root, nodes=WORLD.nodes, codes=[CODE])
    state.word(Slot(ONE, 0))
    with pytest.raises(EvidenceRefused, match="1 codes are not needed") as found:
        state.check_all_used()
    assert found.value.flaw is Flaw.UNUSED
    lean = ProvedState(WORLD.root, nodes=state.used_nodes)
    assert lean.word(Slot(ONE, 0)) == WORDS[0]
    lean.check_all_used()


def test_code_is_known_by_its_hash_before_or_by_its_bytes_now() -> None:
    assert ProvedState(WORLD.root, nodes=WORLD.nodes).code(ONE) is None
    known = ProvedState(WORLD.root, nodes=WORLD.nodes, known=KNOWN)
    assert known.code(ONE) == KNOWN[keccak(CODE)]
    strange = ProvedState(WORLD.root, nodes=WORLD.nodes, codes=[CODE])
    assert (strange.code(ONE), strange.used_codes) == (None, (CODE,))


@given(st.sets(st.sampled_from(sorted(WORLD.nodes))))
def test_from_any_part_of_the_nodes_a_word_is_right_or_refused(nodes: set[bytes]) -> None:
    state = ProvedState(WORLD.root, nodes=nodes)
    for key in (*WORDS, 2, 3):
        try:
            word = state.word(Slot(ONE, key))
        except EvidenceRefused as found:
            word = WORDS.get(key, 0) if found.flaw is Flaw.MISSING_NODE else -1
        assert word == WORDS.get(key, 0)


def test_all_that_is_lacking_is_told_at_once() -> None:
    state = CollectingState(WORLD.root, nodes=())
    with pytest.raises(Lacking) as found:
        state.both(
            lambda: state.want(slots=[Slot(ONE, 0), Slot(ONE, 7)]),
            lambda: state.want(slots=[Slot(ONE, 1)], codes=[TWO]),
        )
    assert found.value.slots == {ONE: {0, 1, 7}, TWO: set()}
    assert found.value.codes == {TWO}


def test_of_two_readings_the_one_that_lacks_is_told() -> None:
    state = CollectingState(WORLD.root, nodes=())
    for readings in ((lambda: 1, lambda: state.want(codes=[ONE])),) * 2:
        with pytest.raises(Lacking):
            state.both(*readings)
        with pytest.raises(Lacking):
            state.both(*reversed(readings))


def test_a_reading_gathers_its_own_evidence_and_nothing_else() -> None:
    def read(state: ProvedState) -> int:
        state.want(slots=[Slot(ONE, 0)])
        second = Slot(ONE, 900 * state.word(Slot(ONE, 0)))
        state.want(slots=[second], codes=[ONE])
        return state.word(second)

    collector = Collector(WORLD.root, read)
    asked = []
    while (lack := collector.find_lack()) is not None:
        asked.append((lack.slots, lack.codes))
        collector.add(WORLD.nodes if len(asked) > 1 else (), [CODE])
    assert asked == [({ONE: frozenset({0})}, frozenset())] * 2
    assert collector.asked.slots == {ONE: {0}}
    result, nodes, codes = collector.finish()
    assert (result, codes) == (5, ())
    assert set(nodes) < WORLD.nodes
    state = ProvedState(WORLD.root, nodes=nodes)
    assert read(state) == 5
    state.check_all_used()


def test_what_no_fetching_mends_is_refused_while_gathering() -> None:
    world = World({3: 2**256})
    collector = Collector(world.root, lambda state: state.want(slots=[Slot(ONE, 3)]))
    collector.add(world.nodes, ())
    with pytest.raises(EvidenceRefused) as found:
        collector.find_lack()
    assert found.value.flaw is Flaw.BAD_VALUE
