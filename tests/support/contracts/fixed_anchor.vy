# pragma version 0.4.3
"""
@title An anchor that knows the state roots it was told
"""

state_root: public(HashMap[uint64, bytes32])


@external
def tell(height: uint64, root: bytes32):
    """
    @notice Say what the state root of a block of the other chain is
    """
    self.state_root[height] = root
