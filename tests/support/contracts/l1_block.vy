# pragma version 0.4.3
"""
@title What a chain of the OP stack says of layer 1, told by anybody
"""

number: public(uint64)
hash: public(bytes32)


@external
def tell(number: uint64, hash: bytes32):
    """
    @notice Say which block of layer 1 is the newest
    """
    self.number = number
    self.hash = hash
