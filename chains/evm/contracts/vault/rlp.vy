# pragma version 0.4.3
# @license Apache-2.0
"""
@title Strict RLP: where an item's payload lies
@dev Only the shortest encoding is taken; anything else reverts with proof. Source: Ethereum yellow
     paper, appendix B.
"""


# Where an item's payload is, and whether it is a list itself.
struct Item:
    start: uint256
    end: uint256
    is_list: bool


# No header and no node of a state trie takes more.
MAX_DATA: constant(uint256) = 1024
# RLP's first bytes: of a string, of a list, and the longest payload whose size is in that byte.
STRING: constant(uint256) = 128
LIST: constant(uint256) = 192
SHORT: constant(uint256) = 55


@internal
@pure
def measure(_data: Bytes[MAX_DATA], _place: uint256) -> Item:
    # The item at a _place; the shortest form only.
    assert _place < len(_data), "proof"
    first: uint256 = convert(slice(_data, _place, 1), uint256)
    if first < STRING:
        return Item(start=_place, end=_place + 1, is_list=False)
    is_list: bool = first >= LIST
    short: uint256 = first - (LIST if is_list else STRING)
    start: uint256 = _place + 1
    size: uint256 = short
    if short > SHORT:
        width: uint256 = short - SHORT
        assert width <= 2 and start + width <= len(_data), "proof"
        assert slice(_data, start, 1) != x"00", "proof"
        size = convert(slice(_data, start, 1), uint256)
        if width == 2:
            size = size * 256 + convert(slice(_data, start + 1, 1), uint256)
        assert size > SHORT, "proof"
        start += width
    assert start + size <= len(_data), "proof"
    if size == 1 and not is_list:
        assert convert(slice(_data, start, 1), uint256) >= STRING, "proof"
    return Item(start=start, end=start + size, is_list=is_list)
