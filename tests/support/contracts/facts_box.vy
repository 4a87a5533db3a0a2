# pragma version 0.4.3
"""
@title Facts at slot 0, as vault and seizure keep them, set by anybody
"""

facts: public(HashMap[bytes32, uint256])


@external
def set(keys: DynArray[bytes32, 256], word: uint256):
    """
    @notice Set many facts to one word
    """
    for key: bytes32 in keys:
        self.facts[key] = word
