"""Attestations proved on real chains: what is gathered, what it refuses, and what anchors it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from pytest_socket import disable_socket, enable_socket
from typer.testing import CliRunner

from chains.evm.proofs import HISTORY
from chains.model.ids import Address
from chains.model.position import Side
from config.load import load
from daemon.commands.verify import verify
from daemon.compose import open_chains
from daemon.evidence import Contradicted
from proofs.document import Document, encode_document
from proofs.evidence.bundle import BlockEvidence, encode_bundle, hash_block
from proofs.evidence.check import label, prove_claim, unlabel
from proofs.evidence.claims import find_claims
from proofs.params import build_params
from proofs.refusal import Refusal
from proofs.statement import (
    Evidence,
    Statement,
    calculate_leaves_health,
    calculate_leaves_root,
    calculate_value,
    state_health,
)
from tests.proofs import samples
from tests.support.attested import Scene, build_gatherer, prove
from tests.support.devnet import Devnet

pytestmark = pytest.mark.net

USER: Final = Address("0x" + "a1" * 20)
APP = typer.Typer()
APP.command()(verify)
HISTORY_CODE: Final = (
    "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257"
    "611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)
"""The contract's code. Source: EIP-2935."""
SERVED: Final = 8191


@pytest.fixture(scope="module")
def net(shared_devnet: Devnet) -> Iterator[Devnet]:
    enable_socket()
    with shared_devnet.reverting():
        shared_devnet.cheap.supply("WETH", USER, 10**18 + 1)
        shared_devnet.dear.supply("WBTC", USER, 10**8)
        shared_devnet.dear.borrow("USDC", USER, 10**9)
        for chain in shared_devnet.chains:
            chain.advance(60)
        yield shared_devnet


@pytest.fixture(scope="module")
def scene(net: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return prove(net, USER, tmp_path_factory.mktemp("scene"))


@pytest.fixture
def folder(scene: Scene, tmp_path: Path) -> Path:
    write(tmp_path, scene.proven.statement, scene.proven.evidence)
    return tmp_path


def write(
    folder: Path, made: Statement, evidence: Sequence[BlockEvidence] | bytes | None = None
) -> None:
    signed = Document(statement=made, signatures=samples.sign(made))
    (folder / "file.json").write_bytes(encode_document(signed))
    if evidence is not None:
        raw = evidence if isinstance(evidence, bytes) else encode_bundle(evidence)
        (folder / "file.json.plme").write_bytes(raw)


def run(folder: Path, made: Statement, *arguments: object) -> tuple[int, str]:
    at = ("--at", made.header.issued_at)
    given = [str(folder / "file.json"), *map(str, at), *map(str, arguments)]
    result = CliRunner().invoke(APP, given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def refused(folder: Path, made: Statement, *arguments: object) -> str:
    code, output = run(folder, made, "--proofs", *arguments)
    reasons = {refusal.code: refusal.name for refusal in Refusal}
    return reasons.get(code, f"{code}: {output}")


def restate(made: Statement, **lists: Any) -> Statement:  # noqa: ANN401 -- any kind of leaf
    """State other leaves under the same parameters: roots and sums agree."""
    leaves = replace(made.leaves, **lists)
    health = calculate_leaves_health(leaves.positions)
    status, factor = state_health(health)
    header = replace(
        made.header,
        block_refs_root=calculate_leaves_root(leaves.blocks),
        positions_root=calculate_leaves_root(leaves.positions),
        prices_root=calculate_leaves_root(leaves.prices),
        position_count=len(leaves.positions),
        min_price_time=min(price.publish_time for price in leaves.prices),
        status=status,
        health_factor_e18=factor,
        net_equity_e8=health.equity,
    )
    return replace(made, leaves=leaves, header=header)


def number(leaves: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(replace(leaf, index=i) for i, leaf in enumerate(leaves))


def with_position(made: Statement, index: int, **changes: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """State a leg otherwise, its value multiplied out again."""
    positions = list(made.leaves.positions)
    leaf = replace(positions[index], **changes)
    price = made.leaves.prices[leaf.price].price_e8
    value = calculate_value(leaf.side, leaf.amount_raw, price, leaf.decimals)
    positions[index] = replace(leaf, value_e8=value)
    return restate(made, positions=tuple(positions))


def with_price(made: Statement, index: int, **changes: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """State a price otherwise, the values of its legs multiplied out again."""
    prices = list(made.leaves.prices)
    prices[index] = price = replace(prices[index], **changes)
    positions = tuple(
        replace(p, value_e8=calculate_value(p.side, p.amount_raw, price.price_e8, p.decimals))
        if p.price == index
        else p
        for p in made.leaves.positions
    )
    return restate(made, positions=positions, prices=tuple(prices))


def find_debt(made: Statement) -> int:
    return next(p.index for p in made.leaves.positions if p.side == Side.DEBT)


def sign_for(made: Statement, evidence: Sequence[BlockEvidence]) -> Statement:
    """Mark a statement as proved by evidence, whatever it proves, as a lying quorum would."""
    claims = find_claims(made)
    hashes = {block.chain: hash_block(block) for block in evidence}
    marked = tuple(
        replace(leaf, evidence=Evidence.PROVED, evidence_hash=hashes[chain])
        for leaf in made.leaves.positions
        if (chain := made.leaves.blocks[leaf.block_ref].caip2) in claims
    )
    return restate(made, positions=marked)


def test_everything_of_both_chains_is_proved_without_network(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    assert {leaf.evidence for leaf in made.leaves.positions} == {Evidence.PROVED}
    assert {leaf.evidence for leaf in made.leaves.prices} == {Evidence.PROVED}
    assert unlabel(made) == scene.stated
    disable_socket()
    code, output = run(folder, made, "--proofs")
    assert code == 0, output
    assert output.startswith("consistent, unanchored\n")
    assert "eip155:31338 2 legs and nothing else of 1 accounts in 1 markets" in output
    code, named = run(folder, made, folder / "file.json.plme", "--json")
    view = json.loads(named)
    assert (code, set(view["proved"])) == (0, {"eip155:31337", "eip155:31338"})
    assert view["params_hash"] == "0x" + made.params.hash.hex()
    assert set(view["evidence"]) == {"eip155:31337", "eip155:31338"}


def test_without_its_evidence_a_file_is_consistent_and_no_more(scene: Scene, folder: Path) -> None:
    code, output = run(folder, scene.proven.statement)
    assert (code, "proved  " in output) == (0, False)
    (folder / "file.json.plme").unlink()
    assert run(folder, scene.proven.statement, "--proofs")[0] == 3
    assert refused(folder, scene.proven.statement, scene.config) == "EVIDENCE"


def test_an_omitted_debt_is_found_though_a_quorum_signed(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    debt = find_debt(made)
    kept = number([leaf for leaf in made.leaves.positions if leaf.index != debt])
    lie = restate(made, positions=kept)
    assert lie.header.status == 1
    write(folder, lie)
    assert refused(folder, lie) == "OMITTED"


def test_an_account_that_is_said_to_have_nothing_on_a_chain(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    cheap = [leaf for leaf in made.leaves.positions if leaf.asset.startswith("eip155:31337/")]
    lie = restate(made, positions=number(cheap))
    write(folder, lie)
    assert refused(folder, lie) == "OMITTED"


def test_a_market_left_out_of_the_parameters_is_another_hash(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    params = build_params(made.params.markets[:1], made.params.assets)
    cheap = [leaf for leaf in made.leaves.positions if leaf.asset.startswith("eip155:31337/")]
    lie = replace(restate(made, positions=number(cheap)), params=params)
    write(folder, lie)
    assert refused(folder, lie) == "PARAMS_HASH"
    lie = replace(lie, header=replace(lie.header, params_hash=params.hash))
    write(folder, lie)
    assert refused(folder, lie) == "EVIDENCE"
    assert lie.params.hash != made.params.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_raw": 10**24},
        {"liq_threshold_bps": 9_900},
        {"ltv_bps": 1},
        {"decimals": 17},
    ],
)
def test_a_leg_that_an_endpoint_lied_about(
    scene: Scene, folder: Path, changes: dict[str, int]
) -> None:
    lie = with_position(scene.proven.statement, 0, **changes)
    write(folder, lie)
    assert refused(folder, lie) == "CONTRADICTED"


@pytest.mark.parametrize(("field", "by"), [("price_e8", 1), ("publish_time", 1)])
def test_a_price_that_an_endpoint_lied_about(
    scene: Scene, folder: Path, field: str, by: int
) -> None:
    """Among them the stale price that is dated newer than its round."""
    made = scene.proven.statement
    held = getattr(made.leaves.prices[0], field)
    for evidence in (Evidence.PROVED, Evidence.QUORUM_READ):
        lie = with_price(made, 0, **{field: held + by, "evidence": evidence})
        write(folder, lie)
        assert refused(folder, lie) == "CONTRADICTED"


def test_a_price_of_another_feed_is_not_proved(scene: Scene, folder: Path) -> None:
    lie = with_price(scene.proven.statement, 0, feed_id="eip155:31337:0x" + "01" * 20)
    write(folder, lie)
    assert refused(folder, lie) == "UNPROVED"


def test_a_leg_that_nobody_holds_is_contradicted(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    asset = next(a.asset for a in made.params.assets if a.asset not in _held(made))
    lie = with_position(made, 0, asset=asset)
    write(folder, lie)
    assert refused(folder, lie) in ("PARAMS", "OMITTED", "CONTRADICTED")


def _held(made: Statement) -> set[str]:
    return {leaf.asset for leaf in made.leaves.positions}


def test_leaves_signed_as_proved_need_their_own_evidence(scene: Scene, folder: Path) -> None:
    made, (cheap, dear) = scene.proven.statement, scene.proven.evidence
    write(folder, made, [cheap])
    assert refused(folder, made) == "UNPROVED"
    plain = scene.stated
    write(folder, plain, [cheap, dear])
    assert refused(folder, plain) == "EVIDENCE_HASH"
    write(folder, plain, [])
    assert refused(folder, plain) == "0: " + run(folder, plain, "--proofs")[1]
    write(folder, plain, [cheap, replace(dear, chain="eip155:1")])
    assert refused(folder, plain) == "EVIDENCE"


def test_one_changed_byte_of_a_node_header_or_code_is_refused(scene: Scene, folder: Path) -> None:
    made, (cheap, dear) = scene.proven.statement, scene.proven.evidence
    node = cheap.nodes[len(cheap.nodes) // 2]
    others = tuple(n for n in cheap.nodes if n != node)
    changed = replace(cheap, nodes=(*others, node[:-1] + bytes([node[-1] ^ 1])))
    header = bytearray(cheap.header)
    header[-1] ^= 1
    for block, reason in (
        (changed, "EVIDENCE_MISSING"),
        (replace(cheap, nodes=others), "EVIDENCE_MISSING"),
        (replace(cheap, header=bytes(header)), "EVIDENCE_BLOCK"),
    ):
        write(folder, made, [block, dear])
        assert refused(folder, made) == "EVIDENCE_HASH"
        lie = sign_for(made, [block, dear])
        lie = restate(lie, prices=tuple(map(_unproved, lie.leaves.prices)))
        write(folder, lie, [block, dear])
        assert refused(folder, lie) == reason
    for codes in (cheap.codes[1:], (cheap.codes[0] + b"\0", *cheap.codes[1:])):
        write(folder, made, [replace(cheap, codes=codes), dear])
        assert refused(folder, made) in ("EVIDENCE", "EVIDENCE_CODE", "UNPROVED")
    write(folder, made, [replace(cheap, codes=(*cheap.codes, b"spare")), dear])
    assert refused(folder, made) == "EVIDENCE"


def _unproved(leaf: Any) -> Any:  # noqa: ANN401 -- a leaf of a price
    return replace(leaf, evidence=Evidence.QUORUM_READ)


def test_a_damaged_file_of_evidence_is_refused(scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    raw = (folder / "file.json.plme").read_bytes()
    for spoilt in (b"", raw[:-1], raw + b"x", raw[:100] + bytes([raw[100] ^ 1]) + raw[101:]):
        write(folder, made, spoilt)
        assert refused(folder, made) == "EVIDENCE"


@pytest.mark.parametrize("field", ["height", "time", "state_root"])
def test_a_block_leaf_that_differs_from_its_header(scene: Scene, folder: Path, field: str) -> None:
    made = scene.proven.statement
    first, *rest = made.leaves.blocks
    held = getattr(first, field)
    changed: Any = b"\x01" * 32 if isinstance(held, bytes) else held - 1
    lie = restate(made, blocks=(replace(first, **{field: changed}), *rest))
    write(folder, lie)
    assert refused(folder, lie) == "EVIDENCE_BLOCK"


def test_evidence_of_the_next_block_is_not_this_ones(
    net: Devnet, scene: Scene, tmp_path: Path
) -> None:
    net.cheap.mine()
    later = prove(net, USER, tmp_path)
    made = scene.proven.statement
    lie = sign_for(made, later.proven.evidence)
    lie = restate(lie, prices=tuple(map(_unproved, lie.leaves.prices)))
    write(tmp_path, lie, later.proven.evidence)
    assert refused(tmp_path, lie) == "EVIDENCE_BLOCK"


def test_ones_own_node_anchors_the_blocks(net: Devnet, scene: Scene, folder: Path) -> None:
    made = scene.proven.statement
    both = ("--rpc", net.cheap.url, "--rpc", net.dear.url)
    code, output = run(folder, made, "--proofs", *both)
    assert code == 0, output
    assert output.startswith("consistent, anchored by rpc\n")
    code, output = run(folder, made, "--proofs", "--rpc", net.cheap.url)
    assert (code, output.split("\n")[0]) == (0, "consistent, anchored in part")
    pinned = ("--member", made.committee.members[0])
    code, output = run(folder, made, "--proofs", *pinned, *both)
    assert output.startswith("consistent, anchored by committee, rpc\n")
    assert "  anchors     eip155:31337 committee, rpc\n" in output


def test_a_block_that_is_in_no_chain_is_refused_by_its_anchor(
    net: Devnet, scene: Scene, folder: Path
) -> None:
    first, *rest = scene.stated.leaves.blocks
    lie = restate(scene.stated, blocks=(replace(first, block_hash=b"\x01" * 32), *rest))
    write(folder, lie)
    code, output = run(folder, lie, "--rpc", net.cheap.url)
    assert (code, "blocks[0].blockHash" in output) == (60, True)
    assert run(folder, lie, "--rpc", "http://127.0.0.1:1")[0] == 61


def test_the_contract_of_block_hashes_is_an_anchor_of_its_own(
    net: Devnet, scene: Scene, folder: Path
) -> None:
    made = scene.proven.statement
    block = made.leaves.blocks[0]
    node = net.cheap
    node.rpc.request("anvil_setCode", HISTORY, HISTORY_CODE)
    slot = f"0x{block.height % SERVED:064x}"
    node.rpc.request("anvil_setStorageAt", HISTORY, slot, "0x" + block.block_hash.hex())
    node.mine()
    code, output = run(folder, made, "--eip2935", node.url)
    assert code == 0, output
    assert "  anchors     eip155:31337 eip-2935\n" in output
    node.rpc.request("anvil_setStorageAt", HISTORY, slot, "0x" + "01" * 32)
    node.mine()
    assert run(folder, made, "--eip2935", node.url)[0] == 60


def test_leaves_are_compared_with_the_chains_at_their_blocks(
    net: Devnet, scene: Scene, folder: Path
) -> None:
    made = scene.proven.statement
    code, output = run(folder, made, "--rpc", scene.config)
    assert code == 0, output
    assert output.startswith("consistent, and what your endpoints say")
    debt = find_debt(made)
    kept = number([leaf for leaf in made.leaves.positions if leaf.index != debt])
    lie = restate(made, positions=kept)
    write(folder, lie)
    code, output = run(folder, lie, "--rpc", scene.config)
    assert code == 60
    assert "left out: debt of 100" in output
    dead = scene.config.read_text().replace(net.dear.url, "http://127.0.0.1:1")
    (folder / "dead.toml").write_text(dead)
    write(folder, made)
    code, output = run(folder, made, "--rpc", folder / "dead.toml")
    assert (code, "eip155:31338" in output) == (61, True)


async def test_what_does_not_come_in_time_is_labelled_as_read(scene: Scene) -> None:
    enable_socket()
    async with open_chains(load([scene.config], {})) as chains:
        late = await build_gatherer(chains, bound_s=0.0).prove(scene.stated)
        assert (late.statement, late.evidence) == (scene.stated, ())
        alone = build_gatherer({})
        assert (await alone.prove(scene.stated)).statement == scene.stated


async def test_nothing_is_signed_that_its_own_evidence_contradicts(scene: Scene) -> None:
    lie = with_position(scene.stated, 0, amount_raw=10**24)
    async with open_chains(load([scene.config], {})) as chains:
        gatherer = build_gatherer(chains)
        with pytest.raises(Contradicted, match="of \\["):
            await gatherer.prove(lie)
        assert (await gatherer.prove(scene.stated)).statement == scene.proven.statement


async def test_what_was_asked_before_is_asked_in_one_round(scene: Scene) -> None:
    asked: list[str] = []
    async with open_chains(load([scene.config], {}), _listen(asked)) as chains:
        gatherer = build_gatherer(chains)
        first = await gatherer.prove(scene.stated)
        rounds = len(asked)
        del asked[:]
        assert await gatherer.prove(scene.stated) == first == scene.proven
        assert "eth_getCode" not in asked
        assert len(asked) < rounds


def _listen(asked: list[str]) -> Any:  # noqa: ANN401 -- an observer
    return lambda *heard: asked.append(heard[1])


def test_members_agree_on_what_a_block_proves(scene: Scene) -> None:
    """What one gathered, another verifies and marks in the same way."""
    claims = find_claims(scene.stated)
    proved = {b.chain: prove_claim(claims[b.chain], b) for b in scene.proven.evidence}
    hashes = {b.chain: hash_block(b) for b in scene.proven.evidence}
    assert label(scene.stated, proved, hashes) == scene.proven.statement
