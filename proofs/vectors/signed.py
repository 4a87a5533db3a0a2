"""What the verdict vectors ask: files whose publisher or signers broke a rule themselves."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from chains.model.position import Side
from proofs.committee import NO_END
from proofs.document import Document, encode_document, view_document
from proofs.recover import ORDER
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import PositionLeaf, Statement, calculate_leaves_root
from proofs.vectors.bases import (
    TIME,
    WORLDS,
    build_bases,
    sign,
    with_header,
    with_leaf,
    with_leaves,
    with_position,
)
from proofs.vectors.cases import Case, View, encode, look

_SOLANA: Final = WORLDS.leaves.blocks[2].caip2
_OWNER: Final = "0x00000000000000000000000000000000000a11ce"
_TWICE_SPELT: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
_KEY: Final = "BtrWGikbRW5bERiVjRQWx3idrey1JUDtxktbAsHY7ynu"
_ACCOUNTS: Final = (
    f"eip155:8453:{_OWNER.upper()}",
    f"eip155:8453:{_TWICE_SPELT}",
    f"eip155:8453:{_OWNER[:-1]}",
    f"eip155:8453:{_OWNER}0",
    f"eip155:{_OWNER}",
    f"EIP155:8453:{_OWNER}",
    f"ei:8453:{_OWNER}",
    f":{_OWNER}",
    _OWNER,
    "alice",
    f"{_SOLANA}:{_KEY[:-1]}",
    f"{_SOLANA}:{_KEY[:-1]}0",
    f"{_SOLANA}:{'z' * 44}",
    f"{_SOLANA}:{'1' * 33}",
    f"{_SOLANA}:{_OWNER}",
    "cosmos:hub-4:a/b",
    "cosmos:hub-4:",
    f"{'x' * 9}:1:{_OWNER}",
    f"cosmos:{'x' * 33}:a",
)
_ASSETS: Final = (
    "WETH",
    "eip155:8453",
    f"eip155:8453/erc20:{_TWICE_SPELT}",
    "eip155:8453/erc20:0x01",
    "eip155:8453/e2:1",
    "eip155:8453/slip44:",
    "eip155:8453//slip44:60",
    "eip155/slip44:60",
    f"{_SOLANA}/erc20:{_KEY}",
)


def defy() -> Iterator[Case]:
    """Give files that a quorum signed although a leaf or a sum breaks a rule."""
    stated = chain(_ids(), _leaves(), _references(), _duplicates(), _sums(), _times())
    for name, made in stated:
        yield Case(name=f"signed: {name}", base="worlds", raw=encode_document(sign(made)))


def _ids() -> Iterator[tuple[str, Statement]]:
    for text in _ACCOUNTS:
        yield f"account {text[:14]}…{text[-12:]}", with_leaf(WORLDS, "accounts", 1, caip10=text)
    for text in ("eip155:1:0x" + "aA" * 20, "market"):
        yield f"market {text[:16]}", with_leaf(WORLDS, "positions", 0, market=text)
    for text in _ASSETS:
        yield f"asset {text[:30]}", with_leaf(WORLDS, "positions", 1, asset=text)
        yield f"priced asset {text[:30]}", with_leaf(WORLDS, "prices", 1, asset=text)
    for text in ("8453", "eip155:", "eip155:a b", "eip155:1:2", _SOLANA + "x"):
        yield f"chain {text[:20]}", with_leaf(WORLDS, "blocks", 1, caip2=text)


def _leaves() -> Iterator[tuple[str, Statement]]:
    wrong: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("blocks", 0, {"kind": 1}),
        ("blocks", 2, {"kind": 0}),
        ("blocks", 0, {"finality": 3}),
        ("prices", 0, {"source": 0}),
        ("prices", 0, {"source": 6}),
        ("prices", 3, {"evidence": 0}),
        ("prices", 3, {"evidence": 5}),
        ("positions", 0, {"evidence": 0}),
        ("positions", 0, {"evidence": 5}),
        ("positions", 0, {"evidence": 4}),
        ("positions", 0, {"ltv_bps": 10_001}),
        ("positions", 2, {"debt_weight_bps": 9_999}),
        ("positions", 0, {"value_e8": WORLDS.leaves.positions[0].value_e8 + 1}),
        ("positions", 2, {"value_e8": WORLDS.leaves.positions[2].value_e8 - 1}),
        ("positions", 3, {"amount_raw": 1}),
        ("positions", 3, {"decimals": 8}),
    )
    for kind, index, changes in wrong:
        listed = ", ".join(f"{name} {value}" for name, value in changes.items())
        yield f"{kind}[{index}] with {listed}", with_leaf(WORLDS, kind, index, **changes)
    yield "a price of nothing", with_leaf(WORLDS, "prices", 3, price_e8=0)
    for field, value in (("side", 3), ("haircut_bps", 10_001), ("liq_threshold_bps", 10_001)):
        yield f"a position with {field} {value}", _unsummed(field, value)
    dear = build_bases()["staked"].statement
    raised = dear.leaves.prices[4].price_e8 + 1
    yield "a staked price not multiplied out", with_leaf(dear, "prices", 4, price_e8=raised)


def _unsummed(field: str, value: int) -> Statement:
    """Change a weight without adding up again, which the weight does not allow."""
    changes: dict[str, Any] = {field: value}
    first = replace(WORLDS.leaves.positions[0], **changes)
    positions = (first, *WORLDS.leaves.positions[1:])
    root = calculate_leaves_root(positions)
    made = replace(WORLDS, leaves=replace(WORLDS.leaves, positions=positions))
    return with_header(made, positions_root=root)


def _references() -> Iterator[tuple[str, Statement]]:
    for field, value in (("account", 3), ("block_ref", 3), ("price", 4), ("price", 2**32 - 1)):
        name = f"{field} {value} that is not there"
        yield name, with_leaf(WORLDS, "positions", 0, **{field: value})
    for field in ("account", "block_ref"):
        yield f"{field} of another chain", with_leaf(WORLDS, "positions", 0, **{field: 1})
    asset = WORLDS.leaves.positions[1].asset
    yield "an asset of another chain", with_leaf(WORLDS, "positions", 0, asset=asset)
    market = WORLDS.leaves.positions[3].market
    yield "a market of another chain", with_leaf(WORLDS, "positions", 0, market=market)
    yield "a price of another chain's form", with_position(WORLDS, 0, price=1)


def _duplicates() -> Iterator[tuple[str, Statement]]:
    for kind in ("accounts", "blocks", "positions"):
        leaves = getattr(WORLDS.leaves, kind)
        again = (*leaves, replace(leaves[-1], index=len(leaves)))
        yield f"the last of {kind} twice", with_leaves(WORLDS, **{kind: again})
    leg: PositionLeaf = WORLDS.leaves.positions[3]
    other = replace(leg, index=4, formula="save@2", haircut_bps=0)
    doubled = (*WORLDS.leaves.positions, other)
    yield "a leg twice, once otherwise weighed", with_leaves(WORLDS, positions=doubled)
    second = replace(leg, index=4, market=f"{_SOLANA}:{_KEY}")
    both = (*WORLDS.leaves.positions, second)
    yield "the same asset in another obligation", with_leaves(WORLDS, positions=both)
    owed = replace(leg, index=4, side=Side.DEBT, value_e8=leg.value_e8 + 1)
    both = (*WORLDS.leaves.positions, owed)
    yield "the same asset owed", with_leaves(WORLDS, positions=both)


def _sums() -> Iterator[tuple[str, Statement]]:
    header = WORLDS.header
    for changes in (
        {"account_count": 9},
        {"position_count": 3},
        {"status": 1},
        {"status": 2},
        {"health_factor_e18": header.health_factor_e18 + 1},
        {"health_factor_e18": 2**256 - 1},
        {"net_equity_e8": -header.net_equity_e8},
        {"schema_version": 2},
        {"committee_id": b"\x01" * 32},
        {"epoch": 1},
    ):
        ((name, value),) = changes.items()
        yield f"{name} {str(value)[:12]}", with_header(WORLDS, **changes)
    owing = with_header(build_bases()["no debt"].statement, status=0)
    yield "owing where nothing is owed", owing
    for root in ("account_set_root", "block_refs_root", "positions_root", "prices_root"):
        yield f"{root} of nothing", with_header(WORLDS, **{root: calculate_leaves_root(())})


def _times() -> Iterator[tuple[str, Statement]]:
    yield "a life that ends before it begins", _living(TIME + 10, TIME + 9)
    yield "a life of an hour", _living(TIME, TIME + 3600)
    yield "a life of more than an hour", _living(TIME, TIME + 3601)
    yield "a life without end", _living(TIME, 2**64 - 1)
    for name, heartbeat in (("on its last second", 7), ("older than its heartbeat", 6)):
        yield f"a price {name}", with_leaf(WORLDS, "prices", 3, heartbeat=heartbeat)
    for name, ahead in (("barely", 15), ("too far", 16), ("for ever", 2**63)):
        made = with_leaf(WORLDS, "prices", 3, publish_time=TIME + ahead)
        yield f"a price {name} ahead", made
    yield "a minPriceTime too new", with_header(WORLDS, min_price_time=TIME)
    yield "a minPriceTime of nothing", with_header(WORLDS, min_price_time=0)
    for name, back in (("as far apart as allowed", 34), ("too far apart", 35)):
        yield f"blocks {name}", with_leaf(WORLDS, "blocks", 2, time=TIME - 4 - back)
    for name, ahead in (("barely", 15), ("too much", 16)):
        yield f"a block newer {name}", with_leaf(WORLDS, "blocks", 0, time=TIME + ahead)
    yield "a skew of more than is allowed", with_header(WORLDS, max_skew=301)


def _living(issued: int, expires: int) -> Statement:
    return with_header(WORLDS, issued_at=issued, expires_at=expires)


def misrule() -> Iterator[Case]:
    """Give committees of which no quorum may be trusted."""
    members = look()["committee"]["members"]
    wrong: tuple[tuple[str, View], ...] = (
        ("two thirds of four", {"threshold": "2"}),
        ("a threshold of nobody", {"threshold": "0"}),
        ("a threshold below nobody", {"threshold": "-3"}),
        ("more than there are", {"threshold": "5"}),
        ("nobody", {"members": []}),
        ("a member twice", {"members": [members[0], *members[:3]]}),
        ("members descending", {"members": members[::-1]}),
        ("the zero address", {"members": ["0x" + "00" * 20, *members[:3]]}),
        ("33 members", {"members": [f"0x{i:040x}" for i in range(1, 34)], "threshold": "33"}),
        ("an epoch beyond 64 bits", {"epoch": str(2**64)}),
        ("an epoch below 0", {"epoch": "-1"}),
        ("a period that ends as it begins", {"validFrom": str(NO_END)}),
        ("a period beyond 64 bits", {"validUntil": str(2**64)}),
        ("a period from before time", {"validFrom": "-1"}),
    )
    for name, changes in wrong:
        view = look()
        view["committee"] |= changes
        yield Case(name=f"a committee of {name}", base="worlds", raw=encode(view))


def missign() -> Iterator[Case]:
    """Give signatures that are too few, out of order, of strangers or written otherwise."""
    for indices in ((), (0,), (0, 3), (0, 0, 1), (1, 0, 2), (2, 1, 0), (0, 1, 1)):
        raw = encode_document(sign(WORLDS, indices))
        yield Case(name=f"signed by members {indices}", base="worlds", raw=raw)
    large = build_bases()["many members"].statement
    raw = encode_document(sign(large, range(21)))
    yield Case(name="21 of the 22 signatures needed", base="many members", raw=raw)
    for place in (4, 31, 32, 10**70, -1):
        raw = _placed(place)
        yield Case(name=f"signed by a member {str(place)[:8]}", base="worlds", raw=raw)
    single = build_bases()["single"]
    ((index, signature),) = single.signatures
    for name, other in _rewritten(signature, single):
        raw = encode_document(replace(single, signatures=((index, other),)))
        yield Case(name=f"a signature {name}", base="single", raw=raw)
    worlds = build_bases()["worlds"]
    swapped = [
        (i, s) for (i, _), (_, s) in zip(worlds.signatures, worlds.signatures[::-1], strict=True)
    ]
    raw = encode_document(replace(worlds, signatures=tuple(swapped)))
    yield Case(name="signatures under other members' names", base="worlds", raw=raw)


def _placed(place: int) -> bytes:
    view = view_document(build_bases()["worlds"])
    view["signatures"][-1]["member"] = str(place)
    return encode(view)


def _rewritten(raw: bytes, single: Document) -> Iterator[tuple[str, bytes]]:
    r, s, v = raw[:32], raw[32:64], raw[64]
    twin = ORDER - int.from_bytes(s, "big")
    half = ORDER // 2
    yield "with the other s", r + _word(twin) + bytes([55 - v])
    yield "with the other s and the same v", r + _word(twin) + bytes([v])
    yield "with the other v", r + s + bytes([55 - v])
    yield "with s at half the order", r + _word(half) + bytes([v])
    yield "with s above half the order", r + _word(half + 1) + bytes([v])
    for parity in (0, 1, 26, 29, 255):
        yield f"with v {parity}", r + s + bytes([parity])
    for name, number in (("0", 0), ("the order", ORDER), ("2²⁵⁶−1", 2**256 - 1)):
        yield f"with r {name}", _word(number) + s + bytes([v])
        yield f"with s {name}", r + _word(number) + bytes([v])
    yield "with r that is on no point", _word(5) + s + bytes([v])
    stranger = Secp256k1Signer(b"\x01" * 32)
    yield "of a stranger", stranger.sign(single.statement.digest)
    yield "of another digest", build_bases()["bound"].signatures[0][1]


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
