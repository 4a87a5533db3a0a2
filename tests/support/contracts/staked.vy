# pragma version 0.4.3
"""A staked token's exchange rate, as anybody sets it."""

rate: public(uint256)


@external
def set(rate: uint256):
    self.rate = rate
