# pragma version 0.4.3
"""
@title A seizure that says of every account what a test tells it to
"""

low: uint256


@deploy
def __init__():
    self.low = max_value(uint256)


@external
def set_low(low: uint256):
    self.low = low


@external
@view
def health(account: bytes32) -> (uint256, uint256):
    return self.low, self.low
