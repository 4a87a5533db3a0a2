# pragma version 0.4.3
# @license Apache-2.0
"""
@title The index-ordered Merkle tree over typed leaves
@dev leaf = keccak256(0x00 ‖ hashStruct), node = keccak256(0x01 ‖ left ‖ right), filled up with
     keccak256(0x00) to a power of two: a node is never a leaf, and the pad is neither.
"""

MAX_DEPTH: constant(uint256) = 16


@internal
@pure
def leaf(_struct_hash: bytes32) -> bytes32:
    return keccak256(concat(x"00", _struct_hash))


@internal
@pure
def node(_left: bytes32, _right: bytes32) -> bytes32:
    return keccak256(concat(x"01", _left, _right))


@internal
@pure
def root(
    _struct_hash: bytes32, _index: uint256, _siblings: DynArray[bytes32, MAX_DEPTH]
) -> bytes32:
    # The root that the leaf and its siblings, from the leaf up, make.
    assert _index >> len(_siblings) == 0, "index"
    made: bytes32 = self.leaf(_struct_hash)
    place: uint256 = _index
    for sibling: bytes32 in _siblings:
        if place & 1 == 1:
            made = self.node(sibling, made)
        else:
            made = self.node(made, sibling)
        place = place >> 1
    return made
