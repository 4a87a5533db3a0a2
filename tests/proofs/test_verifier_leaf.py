"""Single leaves on chain, and a consumer that guards itself by the sequence it used last."""

from dataclasses import astuple, replace
from functools import partial
from typing import Any, Final

import pytest
from eth_hash.auto import keccak
from web3.contract import Contract
from web3.exceptions import ContractLogicError

from proofs import merkle
from proofs.contract import describe_leaf
from proofs.envelope import Envelope
from proofs.statement import PositionLeaf, PriceLeaf, Statement
from proofs.typed import hash_struct
from tests.proofs import samples
from tests.proofs.conftest import HELPERS, MAX_TTL, Chain, Verifier, audience_of

pytestmark = pytest.mark.net

MADE: Final = samples.statement()
POSITIONS: Final = MADE.leaves.positions
PRICES: Final = MADE.leaves.prices
AT: Final = samples.NOW
DIGEST: Final = "0x" + MADE.digest.hex()


@pytest.fixture(scope="module")
def verifier(chain: Chain) -> Verifier:
    return chain.deploy_for(samples.committee())


def path(leaves: tuple[Any, ...], index: int) -> tuple[bytes, ...]:
    return merkle.build_path([hash_struct(leaf) for leaf in leaves], index)


def read(
    verifier: Verifier,
    leaf: PositionLeaf | PriceLeaf,
    siblings: tuple[bytes, ...],
    *,
    made: Statement = MADE,
    at: int = AT,
) -> str:
    name = "verify_price_leaf" if isinstance(leaf, PriceLeaf) else "verify_position_leaf"
    return verifier.attempt(name, astuple(made.header), describe_leaf(leaf), siblings, at=at)


@pytest.mark.parametrize("index", range(3))
def test_every_leaf_is_found_and_names_its_attestation(verifier: Verifier, index: int) -> None:
    assert read(verifier, POSITIONS[index], path(POSITIONS, index)) == DIGEST
    assert read(verifier, PRICES[index], path(PRICES, index)) == DIGEST


@pytest.mark.parametrize("leaves", [POSITIONS, PRICES], ids=["position", "price"])
def test_a_changed_leaf_is_refused(verifier: Verifier, leaves: tuple[Any, ...]) -> None:
    names = [name for name in type(leaves[0]).__dataclass_fields__ if name != "index"]
    for name in names:
        value = getattr(leaves[1], name)
        changed = (
            value + "x"
            if isinstance(value, str)
            else bytes([value[0] ^ 1, *value[1:]])
            if isinstance(value, bytes)
            else value ^ 1
        )
        leaf = replace(leaves[1], **{name: changed})
        assert read(verifier, leaf, path(leaves, 1)) == "leaf", name


@pytest.mark.parametrize("leaves", [POSITIONS, PRICES], ids=["position", "price"])
def test_a_wrong_sibling_index_or_order_is_refused(
    verifier: Verifier, leaves: tuple[Any, ...]
) -> None:
    first, second = path(leaves, 1)
    assert read(verifier, leaves[1], (second, first)) == "leaf"
    assert read(verifier, leaves[1], (first, keccak(second))) == "leaf"
    assert read(verifier, leaves[1], path(leaves, 0)) == "leaf"
    assert read(verifier, replace(leaves[1], index=0), (first, second)) == "leaf"
    assert read(verifier, replace(leaves[1], index=2), (first, second)) == "leaf"
    assert read(verifier, replace(leaves[1], index=4), (first, second)) == "index"


def test_a_leaf_beyond_the_count_and_paths_of_another_length_are_refused(
    verifier: Verifier,
) -> None:
    first, second = path(POSITIONS, 1)
    beyond = replace(POSITIONS[1], index=3)
    assert read(verifier, beyond, (first, second)) == "index"
    assert read(verifier, POSITIONS[1], (first,)) == "siblings"
    assert read(verifier, POSITIONS[1], (first, second, second)) == "siblings"
    assert read(verifier, PRICES[1], path(PRICES, 1)[:1]) == "leaf"


def test_a_node_is_no_leaf_and_a_leaf_of_another_type_is_none(verifier: Verifier) -> None:
    """The root over two nodes: with one sibling, either node would have to pass for a leaf."""
    _, above = path(POSITIONS, 0)
    two = replace(MADE, header=replace(MADE.header, position_count=2))
    assert read(verifier, POSITIONS[0], (above,), made=two) == "leaf"
    header = replace(MADE.header, positions_root=MADE.header.prices_root)
    for index in range(3):
        swapped = replace(MADE, header=header)
        assert read(verifier, POSITIONS[index], path(PRICES, index), made=swapped) == "leaf"


def test_a_lone_leaf_is_its_own_root(verifier: Verifier) -> None:
    root = merkle.calculate_root([hash_struct(POSITIONS[0])])
    header = replace(MADE.header, positions_root=root, position_count=1)
    lone = replace(MADE, header=header)
    assert read(verifier, POSITIONS[0], (), made=lone) == "0x" + lone.digest.hex()
    none = replace(MADE, header=replace(header, position_count=0))
    assert read(verifier, POSITIONS[0], (), made=none) == "index"


def test_each_price_is_judged_by_its_own_heartbeat(verifier: Verifier) -> None:
    leaf, siblings = PRICES[1], path(PRICES, 1)
    last = leaf.publish_time + leaf.heartbeat
    assert read(verifier, leaf, siblings, at=last) == DIGEST
    assert read(verifier, leaf, siblings, at=last + 1) == "stale price"
    assert read(verifier, leaf, siblings, at=leaf.publish_time - 15) == DIGEST
    assert read(verifier, leaf, siblings, at=leaf.publish_time - 16) == "future price"


class Consumer:
    """The example contract, which remembers the last sequence that it used."""

    def __init__(self, chain: Chain, verifier: Verifier) -> None:
        arguments = (verifier.contract.address, MADE.header.account_set_root)
        self.contract: Contract = chain.create(HELPERS / "consumer.vy", *arguments)
        self.sender = chain.web3.eth.accounts[0]

    def update(self, made: Statement) -> None:
        envelope = Envelope(header=made.header, committee_size=1, signatures=samples.sign(made))
        call = self.contract.functions.update(astuple(made.header), 1, envelope.proof)
        call.transact({"from": self.sender})

    def price(self, made: Statement, leaf: PriceLeaf, siblings: tuple[bytes, ...]) -> int:
        header = astuple(made.header)
        return int(self.contract.caller.price(header, describe_leaf(leaf), siblings))


@pytest.fixture
def consumer(chain: Chain, verifier: Verifier) -> Consumer:
    return Consumer(chain, verifier)


def refusal(consumer: Consumer, made: Statement) -> str:
    with pytest.raises(ContractLogicError) as caught:
        consumer.update(made)
    return str(caught.value.message).removeprefix("execution reverted: ")


def fresh(verifier: Verifier, sequence: int, **changes: object) -> Statement:
    now = verifier.time
    times: dict[str, object] = {"issued_at": now, "expires_at": now + MAX_TTL}
    header = samples.alter(MADE.header, times | {"sequence": sequence} | changes)
    return replace(MADE, header=header)


def test_a_consumer_takes_each_sequence_once_and_never_an_older_one(
    consumer: Consumer, verifier: Verifier
) -> None:
    newer, newest = fresh(verifier, 7), fresh(verifier, 9)
    consumer.update(newer)
    assert refusal(consumer, newer) == "sequence"
    consumer.update(newest)
    assert refusal(consumer, newer) == "sequence"
    assert refusal(consumer, fresh(verifier, 8)) == "sequence"
    assert consumer.contract.caller.health() == MADE.header.health_factor_e18


def test_one_consumer_cannot_burn_an_attestation_for_another(
    chain: Chain, verifier: Verifier
) -> None:
    made = fresh(verifier, 7)
    for consumer in (Consumer(chain, verifier), Consumer(chain, verifier)):
        consumer.update(made)


def test_a_consumer_takes_nothing_meant_for_another_or_of_another_account(
    chain: Chain, verifier: Verifier
) -> None:
    mine, other = Consumer(chain, verifier), Consumer(chain, verifier)
    audience = audience_of(31337, mine.contract.address)
    bound = fresh(verifier, 7, audience=audience)
    assert refusal(other, bound) == "audience"
    mine.update(bound)
    assert refusal(other, fresh(verifier, 7, account_set_root=bytes(32))) == "account"
    assert refusal(other, fresh(verifier, 7, max_skew=61)) == "skew"


def test_a_consumer_reads_a_price_of_the_attestation_that_it_took(
    consumer: Consumer, verifier: Verifier
) -> None:
    now = verifier.time
    prices = tuple(replace(leaf, publish_time=now - 30) for leaf in PRICES)
    root = merkle.calculate_root([hash_struct(leaf) for leaf in prices])
    made = fresh(verifier, 7, prices_root=root)
    ask = partial(consumer.price, leaf=prices[2], siblings=path(prices, 2))
    consumer.update(made)
    assert ask(made) == prices[2].price_e8
    other = fresh(verifier, 8, prices_root=root)
    with pytest.raises(ContractLogicError, match="digest"):
        ask(other)
