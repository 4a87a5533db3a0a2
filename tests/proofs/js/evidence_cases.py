"""What may be wrong with an attestation or the evidence beside it, one thing at a time.

Where nothing else is said the statement is signed anew as its publisher would: its roots, sums and
evidence hashes agree, so that what refuses it is the evidence alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs.document import encode_document
from proofs.evidence.bundle import BlockEvidence, _encode
from proofs.evidence.codes import recognise_code
from proofs.evidence.layout import LAYOUTS, address_key, map_slot
from proofs.evidence.rlp import (
    Encoded,
    decode_int,
    decode_list,
    decode_string,
    encode_int,
    encode_list,
    encode_string,
)
from proofs.evidence.state import ProvedState, Slot
from proofs.evidence.trie import Leaf, decode_node
from proofs.statement import Evidence, Source, Statement
from proofs.typed import ZERO
from proofs.vectors.bases import restate, sign, with_leaf, with_leaves, with_position
from tests.proofs.js.evidence_ground import Ground, mark

_EVERY: Final = 16
"""Of the nodes, each of this many is changed or left out once."""
_LATEST: Final = ((1 << 40) - 1) << 128
"""The latest time, where a reserve has that of its interest."""
_LIST_OF_32: Final = Encoded(encode_list([b"\x01" * 30]))
_STRANGER: Final = "0x" + "77" * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file and the unpacked bundle beside it."""

    name: str
    file: bytes
    bundle: bytes


def build_cases(ground: Ground) -> Iterator[Case]:
    """Give all cases, the untouched one first."""
    yield _case("as gathered", ground.statement, ground.evidence)
    yield from _prove_less(ground)
    yield from _spoil(ground)
    yield from _misframe(ground)
    yield from _mislabel(ground)
    yield from _lie(ground)
    yield from _forge_all(ground)


def _case(
    name: str, made: Statement, evidence: Sequence[BlockEvidence] | bytes, *, again: bool = False
) -> Case:
    """Give a case; with `again` the leaves name this evidence, not the one they are of."""
    bundle = evidence if isinstance(evidence, bytes) else _encode(evidence)
    if again and not isinstance(evidence, bytes):
        made = mark(made, evidence)
    return Case(name=name, file=encode_document(sign(made)), bundle=bundle)


def _prove_less(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    yield _case("only the first chain is proved", mark(made, [first]), [first])
    yield _case("only the second chain is proved", mark(made, [second]), [second])
    yield _case("nothing is proved", mark(made, []), [])
    read: dict[str, Any] = {"evidence": Evidence.QUORUM_READ, "evidence_hash": ZERO}
    yield _case(
        "a price is quorum-read",
        with_leaf(made, "prices", 1, **read),
        ground.evidence,
    )
    native = replace(made.leaves.prices[0], asset=f"{first.chain}/slip44:60", **read)
    prices = (*made.leaves.prices, replace(native, index=len(made.leaves.prices)))
    yield _case("a price of native money", with_leaves(made, prices=prices), ground.evidence)
    other = with_leaf(made, "prices", 1, **read, feed_id=f"{first.chain}:{_STRANGER}")
    yield _case("a price of a feed that is not the oracle's is quorum-read", other, ground.evidence)


def _spoil(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    for place in range(0, len(first.nodes), _EVERY):
        node = first.nodes[place]
        others = (*first.nodes[:place], *first.nodes[place + 1 :])
        changed = replace(first, nodes=(*others, node[:-1] + bytes([node[-1] ^ 1])))
        yield _case(f"node {place} is changed", made, [changed, second])
        yield _case(f"node {place} is left out", made, [replace(first, nodes=others), second])
    for place in (0, len(second.nodes) // 2, len(second.nodes) - 1):
        node = second.nodes[place]
        others = (*second.nodes[:place], *second.nodes[place + 1 :])
        changed = replace(second, nodes=(*others, node[:-1] + bytes([node[-1] ^ 1])))
        named = f"node {place} of the second chain is"
        yield _case(f"{named} changed, and signed", made, [first, changed], again=True)
        lacking = replace(second, nodes=others)
        yield _case(f"{named} left out, and signed", made, [first, lacking], again=True)
    spare = replace(first, nodes=(*first.nodes, second.nodes[0]))
    yield _case("a node more, and signed", made, [spare, second], again=True)
    yield _case("a node more", made, [spare, second])
    yield from _spoil_codes(ground)
    yield from _spoil_headers(ground)


def _spoil_codes(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    for block, rest in ((first, [second]), (second, [first])):
        for place, code in enumerate(block.codes):
            known = recognise_code(code)
            assert known is not None
            told = f"{place}, {known.role} of {known.release}"
            others = (*block.codes[:place], *block.codes[place + 1 :])
            yield _case(f"code {told}, is left out", made, [replace(block, codes=others), *rest])
    place = len(first.codes) // 2
    code = first.codes[place]
    wrong = (*first.codes[:place], *first.codes[place + 1 :], code[:-1] + bytes([code[-1] ^ 1]))
    yield _case("a code is changed", made, [replace(first, codes=wrong), second])
    spare = replace(first, codes=(*first.codes, b"\x60\x00"))
    yield _case("a code more", made, [spare, second])


def _spoil_headers(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    other = [replace(first, header=ground.parent), second]
    yield _case("the header of the block before", made, other)
    yield _case("the header of the block before, and signed", made, other, again=True)
    for place in (0, 3, 8, 11, 13):
        fields = decode_list(first.header)
        fields[place] = bytes([fields[place][0] ^ 1]) + fields[place][1:]
        changed = [replace(first, header=encode_list(fields)), second]
        yield _case(f"field {place} of the header is changed", made, changed, again=True)
    cut = encode_list(decode_list(first.header)[:14])
    yield _case("a header cut short", made, [replace(first, header=cut), second], again=True)
    block = made.leaves.blocks[0]
    for change in (
        {"time": block.time - 1},
        {"height": block.height + 1},
        {"block_hash": keccak(b"another")},
        {"state_root": keccak(b"another")},
    ):
        stated = mark(with_leaf(made, "blocks", 0, **change), ground.evidence)
        yield _case(f"another {next(iter(change))} is stated", stated, ground.evidence)


def _misframe(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    raw = _encode(ground.evidence)
    blocks = decode_list(raw)
    parts = decode_list(blocks[0])
    nodes = decode_list(parts[2])

    def rebuilt(*fields: bytes) -> bytes:
        return encode_list([Encoded(encode_list(list(fields))), blocks[1]])

    def listed(items: Sequence[bytes]) -> Encoded:
        return Encoded(encode_list(list(items)))

    yield _case("no bytes", made, b"")
    yield _case("a byte is lacking", made, raw[:-1])
    yield _case("a byte more", made, raw + b"\x00")
    yield _case("no list", made, b"\x80")
    yield _case("a long list with a short length", made, b"\xf8\x01\xc0")
    yield _case("a length with a zero before it", made, b"\xfb\x00" + raw[1:])
    bare = [Encoded(encode_list([*decode_list(b)[:2], listed([]), listed([])])) for b in blocks]
    yield _case("the blocks in another order", made, encode_list(list(reversed(bare))))
    yield _case("a block twice", made, encode_list([bare[0], *bare]))
    yield _case("a block that is a string", made, encode_list([b"block", blocks[1]]))
    yield _case("a block of three parts", made, rebuilt(*parts[:3]))
    yield _case("a header that is a list", made, rebuilt(parts[0], listed([]), *parts[2:]))
    yield _case("nodes that are a string", made, rebuilt(*parts[:2], b"nodes", parts[3]))
    swapped = [nodes[1], nodes[0], *nodes[2:]]
    yield _case("two nodes swapped", made, rebuilt(*parts[:2], listed(swapped), parts[3]))
    double = [nodes[0], *nodes]
    yield _case("a node twice", made, rebuilt(*parts[:2], listed(double), parts[3]))
    nested = [*nodes[:-1], listed([])]
    yield _case("a list among the nodes", made, rebuilt(*parts[:2], listed(nested), parts[3]))
    yield _case("a chain that is no text", made, rebuilt(b"eip155:\xff", *parts[1:]))
    yield _case("a chain that is not stated", made, rebuilt(b"eip155:1", *parts[1:]))
    exchanged = [replace(first, header=second.header), replace(second, header=first.header)]
    yield _case("the headers exchanged", made, exchanged, again=True)


def _mislabel(ground: Ground) -> Iterator[Case]:
    made, (first, second) = ground.statement, ground.evidence
    yield _case("signed as proved, and no evidence of one chain", made, [second])
    yield _case("signed as proved, and no evidence", made, [])
    yield _case("evidence that was not signed", mark(made, [first]), ground.evidence)
    read = {"evidence": Evidence.QUORUM_READ, "evidence_hash": ZERO}
    yield _case("one leg is quorum-read", with_leaf(made, "positions", 1, **read), ground.evidence)
    other = {"evidence_hash": keccak(b"another")}
    yield _case(
        "one leg of other evidence", with_leaf(made, "positions", 1, **other), [first, second]
    )
    yield _case(
        "one price of other evidence", with_leaf(made, "prices", 1, **other), [first, second]
    )
    for change in (
        {"feed_id": f"{first.chain}:{_STRANGER}"},
        {"price_e8": made.leaves.prices[0].price_e8 + 1},
        {"publish_time": made.leaves.prices[0].publish_time - 1},
        {"source": Source.PYTH},
    ):
        yield _case(
            f"a price of another {next(iter(change))}", _with_price(made, **change), ground.evidence
        )


def _with_price(made: Statement, **change: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """State the first price otherwise, the legs that it values multiplied out again."""
    made = with_leaf(made, "prices", 0, **change)
    for leg in made.leaves.positions:
        if leg.price == 0:
            made = with_position(made, leg.index)
    return made


def _lie(ground: Ground) -> Iterator[Case]:
    made, both = ground.statement, ground.evidence
    legs = made.leaves.positions
    for leg in legs[:5] + legs[-4:]:
        others = tuple(
            replace(other, index=i) for i, other in enumerate(o for o in legs if o is not leg)
        )
        told = f"leg {leg.index} is left out, a {('collateral', 'debt')[leg.side]}"
        yield _case(told, with_leaves(made, positions=others), both)
    for name, by in (
        ("amount_raw", 1),
        ("amount_raw", -1),
        ("decimals", 1),
        ("ltv_bps", 1),
        ("liq_threshold_bps", -1),
    ):
        for leg in (legs[0], legs[-3]):
            if getattr(leg, name) + by < 0:
                continue
            change = {name: getattr(leg, name) + by}
            told = f"leg {leg.index} has another {name}, by {by}"
            yield _case(told, with_position(made, leg.index, **change), both)
    owner = next(a.index for a in made.leaves.accounts if a.index not in {g.account for g in legs})
    invented = replace(legs[0], index=len(legs), account=owner)
    yield _case("a leg is invented", with_leaves(made, positions=(*legs, invented)), both)
    named = {(leg.account, leg.asset, leg.side) for leg in legs}
    lone = next(g for g in legs if (g.account, g.asset, 1 - g.side) not in named)
    turned = with_position(made, lone.index, side=1 - lone.side)
    yield _case("a leg is of the other side", turned, both)
    accounts = made.leaves.accounts
    chain = accounts[0].caip10.rpartition(":")[0]
    foreign: dict[str, Any] = {"caip10": f"{chain}:{_STRANGER}"}
    yield _case("an account is another's", with_leaf(made, "accounts", 0, **foreign), both)
    stranger = replace(accounts[0], index=len(accounts), **foreign)
    yield _case("an account more", with_leaves(made, accounts=(*accounts, stranger)), both)
    fewer = tuple(
        replace(a, index=i) for i, a in enumerate(accounts[:owner] + accounts[owner + 1 :])
    )
    kept = tuple(replace(g, account=g.account - (g.account > owner)) for g in legs)
    yield _case("an account less", with_leaves(made, accounts=fewer, positions=kept), both)
    yield from _lie_about_params(ground)


def _lie_about_params(ground: Ground) -> Iterator[Case]:
    made, both = ground.statement, ground.evidence
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("of another release", {"formula": "aave_v3@3.0"}),
        ("of an unknown release", {"formula": "aave_v3@9.9"}),
        ("of another protocol", {"protocol": "compound_v3"}),
        ("elsewhere", {"market": f"{made.leaves.blocks[0].caip2}:{_STRANGER}"}),
    )
    for name, change in changes:
        legs = tuple(
            replace(leg, **change) if leg.block_ref == 0 else leg for leg in made.leaves.positions
        )
        yield _case(f"a market {name}", with_leaves(made, positions=legs), both)
    market = made.params.markets[0]
    second = replace(market, market=f"{made.leaves.blocks[0].caip2}:{_STRANGER}")
    yield _case("a market more", _with_markets(made, second), both)
    asset = next(a for a in made.params.assets if a.asset == made.leaves.positions[0].asset)
    legs = tuple(
        replace(leg, haircut_bps=10_000) if leg.asset == asset.asset else leg
        for leg in made.leaves.positions
    )
    worthless = with_leaves(made, positions=legs)
    yield _case("an asset that is worth nothing is stated as collateral", worthless, both)


def _with_markets(made: Statement, *more: Any) -> Statement:  # noqa: ANN401 -- MarketParam
    listed = sorted((*made.params.markets, *more), key=lambda m: (m.market, m.protocol, m.reserve))
    markets = tuple(replace(market, index=i) for i, market in enumerate(listed))
    params = replace(made.params, markets=markets)
    made = replace(made, params=params)
    return restate(replace(made, header=replace(made.header, params_hash=params.hash)))


def _forge_all(ground: Ground) -> Iterator[Case]:
    """Forge the first chain's state down from its header: only an anchor shows that."""
    for name, change in _forgeries(ground):
        yield _forge(ground, f"forged: {name}", change)


def _forgeries(ground: Ground) -> Iterator[tuple[str, Mapping[bytes, bytes]]]:
    block = ground.evidence[0]
    found = [(node, _leaf_of(node)) for node in block.nodes]
    leaves = [(node, leaf) for node, leaf in found if leaf is not None]
    words = [(node, leaf) for node, leaf in leaves if len(leaf.value) < 34]
    accounts = [(node, leaf) for node, leaf in leaves if len(leaf.value) > 34]
    for place in range(0, len(words), 9):
        node, leaf = words[place]
        told = f"word {place} of {len(leaf.value)} bytes"
        raised = leaf.value[:-1] + bytes([leaf.value[-1] ^ 1])
        yield f"{told} differs", {node: _with_value(node, raised)}
    node, leaf = next(item for item in words if len(item[1].value) > 30)
    for told, value in (
        ("a word with a zero before it", b"\x82\x00\x01"),
        ("a word of 33 bytes", b"\xa1" + b"\x01" * 33),
        ("a word that is a list", b"\xc0"),
        ("a word that is no RLP", b"\x82\x01"),
        ("a word that is 0", b"\x80"),
    ):
        yield told, {node: _with_value(node, value)}
    node, leaf = _find_reserve(ground, words)
    later = encode_string(encode_int(decode_int(decode_string(leaf.value)) | _LATEST))
    yield "interest brought up after the block", {node: _with_value(node, later)}
    node, leaf = accounts[0]
    fields = decode_list(leaf.value)
    for told, made in (
        ("an account of three fields", fields[:3]),
        ("an account whose nonce has a zero before it", [b"\x00", *fields[1:]]),
        ("an account with a short root", [*fields[:2], fields[2][1:], fields[3]]),
        ("an account without code", [*fields[:3], keccak(b"")]),
        ("an account whose root is a list", [*fields[:2], _LIST_OF_32, fields[3]]),
        ("an account whose code is a list", [*fields[:3], _LIST_OF_32]),
    ):
        yield told, {node: _with_value(node, encode_list(made))}
    path, value = decode_list(node)
    for told, items in (
        ("a leaf without a value", [path, b""]),
        ("a leaf with a list as its value", [path, Encoded(b"\xc0")]),
        ("a leaf of three items", [path, value, value]),
        ("a leaf with a wrong prefix", [bytes([path[0] | 0x40]) + path[1:], value]),
        ("a leaf with too short a key", [path[:-1], value]),
    ):
        yield told, {node: encode_list(items)}
    branch = max(block.nodes, key=len)
    children = decode_list(branch)
    yield "a branch with a value", {branch: encode_list([*children[:-1], b"\x01"])}
    yield "a branch of 16 items", {branch: encode_list(children[:-1])}
    yield "a branch with a short child", {branch: encode_list([b"\x01", *children[1:]])}
    nested = Encoded(encode_list([b"\x20", b"\x01" * 40]))
    yield "a branch with a large node in it", {branch: encode_list([nested, *children[1:]])}


def _find_reserve(ground: Ground, words: Sequence[tuple[bytes, Leaf]]) -> tuple[bytes, Leaf]:
    """Find the word of the first leg's reserve that says when its interest was brought up."""
    block, leg = ground.evidence[0], ground.statement.leaves.positions[0]
    state = ProvedState(decode_list(block.header)[3], nodes=block.nodes)
    key = map_slot(LAYOUTS[leg.formula].reserves, address_key(Address(leg.asset[-42:])))
    word = state.word(Slot(Address(leg.market[-42:]), key + 3))
    return next((n, leaf) for n, leaf in words if leaf.value == encode_string(encode_int(word)))


def _leaf_of(node: bytes) -> Leaf | None:
    found = decode_node(node)
    return found if isinstance(found, Leaf) else None


def _with_value(node: bytes, value: bytes) -> bytes:
    return encode_list([decode_list(node)[0], value])


def _forge(ground: Ground, name: str, change: Mapping[bytes, bytes]) -> Case:
    """Put nodes in others' places and name them by their hashes all the way up to the header."""
    block, second = ground.evidence
    nodes, header = set(block.nodes), block.header
    waiting = list(change.items())
    while waiting:
        old, new = waiting.pop()
        nodes = (nodes - {old}) | {new}
        was, now = bytes(keccak(old)), bytes(keccak(new))
        waiting += [(node, node.replace(was, now)) for node in nodes if was in node]
        header = header.replace(was, now)
    forged = replace(block, nodes=tuple(nodes), header=header)
    leaf = {"block_hash": bytes(keccak(header)), "state_root": decode_list(header)[3]}
    stated = with_leaf(ground.statement, "blocks", 0, **leaf)
    return _case(name, stated, [forged, second], again=True)
