# pragma version 0.4.3
# @license Apache-2.0
"""
@title The leaves of an attestation that a contract can read
@dev docs/attestations.md says what each member means.
"""
import merkle


struct PositionLeaf:
    index: uint32
    account: uint32
    blockRef: uint32
    price: uint32
    protocol: bytes32
    market: bytes32
    asset: bytes32
    side: uint8
    amountRaw: uint256
    decimals: uint8
    ltvBps: uint16
    liqThresholdBps: uint16
    haircutBps: uint16
    debtWeightBps: uint32
    valueE8: uint256
    evidence: uint8
    formula: bytes32
    evidenceHash: bytes32


struct PriceLeaf:
    index: uint32
    asset: bytes32
    source: uint8
    feedId: bytes32
    priceE8: uint256
    confE8: uint256
    publishTime: uint64
    heartbeat: uint32
    evidence: uint8
    evidenceHash: bytes32


POSITION_TYPEHASH: constant(bytes32) = keccak256(
    "PositionLeaf(uint32 index,uint32 account,uint32 blockRef,uint32 price,bytes32 protocol,bytes32 market,bytes32 asset,uint8 side,uint256 amountRaw,uint8 decimals,uint16 ltvBps,uint16 liqThresholdBps,uint16 haircutBps,uint32 debtWeightBps,uint256 valueE8,uint8 evidence,bytes32 formula,bytes32 evidenceHash)"
)
PRICE_TYPEHASH: constant(bytes32) = keccak256(
    "PriceLeaf(uint32 index,bytes32 asset,uint8 source,bytes32 feedId,uint256 priceE8,uint256 confE8,uint64 publishTime,uint32 heartbeat,uint8 evidence,bytes32 evidenceHash)"
)


@internal
@pure
def check_position(
    _leaf: PositionLeaf,
    _root: bytes32,
    _count: uint32,
    _siblings: DynArray[bytes32, merkle.MAX_DEPTH],
):
    # The count fixes the depth: no path of another length leads to a leaf.
    assert _leaf.index < _count, "index"
    width: uint256 = 1 << len(_siblings)
    count: uint256 = convert(_count, uint256)
    assert count <= width and (width == 1 or 2 * count > width), "siblings"
    struct_hash: bytes32 = keccak256(abi_encode(POSITION_TYPEHASH, _leaf))
    made: bytes32 = merkle.root(struct_hash, convert(_leaf.index, uint256), _siblings)
    assert made == _root, "leaf"


@internal
@view
def check_price(
    _leaf: PriceLeaf,
    _root: bytes32,
    _siblings: DynArray[bytes32, merkle.MAX_DEPTH],
    _tolerance: uint256,
):
    # A header does not count its prices; the tree's own width bounds the index.
    struct_hash: bytes32 = keccak256(abi_encode(PRICE_TYPEHASH, _leaf))
    made: bytes32 = merkle.root(struct_hash, convert(_leaf.index, uint256), _siblings)
    assert made == _root, "leaf"
    published: uint256 = convert(_leaf.publishTime, uint256)
    assert published <= block.timestamp + _tolerance, "future price"
    assert block.timestamp <= published + convert(_leaf.heartbeat, uint256), "stale price"
