# pragma version 0.4.3
# @license Apache-2.0
"""
@title Who a vault belongs to: its deployer until it is sealed, then a timelock
@dev Nothing that moves money works before the seal, and there is one seal. A pause is the owner's
     and stops spending only; it ends by itself, and the next one waits as long as it lasted.
"""


event Sealed:
    seizure: indexed(address)
    notary: indexed(address)
    owner: indexed(address)


event Paused:
    until: uint256


PAUSE_MAX: constant(uint256) = 3 * 86400

owner: public(address)
seizure: public(address)
notary: public(address)
paused_from: public(uint256)
paused_until: public(uint256)


@deploy
def __init__():
    self.owner = msg.sender


@external
def seal(seizure: address, notary: address, owner: address):
    """
    @notice Name the contracts of this chain and give ownership away, once
    @dev Reverts with owner, sealed or zero
    """
    self.only_owner()
    assert self.seizure == empty(address), "sealed"
    assert seizure != empty(address) and notary != empty(address), "zero"
    assert owner != empty(address), "zero"
    self.seizure = seizure
    self.notary = notary
    self.owner = owner
    log Sealed(seizure=seizure, notary=notary, owner=owner)


@external
def pause():
    """
    @notice Stop spending for the longest time there is
    @dev Reverts with owner, or paused before as much unpaused time as the last pause took
    """
    self.only_owner()
    lasted: uint256 = self.paused_until - self.paused_from
    assert block.timestamp >= self.paused_until + lasted, "paused"
    self.paused_from = block.timestamp
    self.paused_until = block.timestamp + PAUSE_MAX
    log Paused(until=self.paused_until)


@external
def unpause():
    """
    @notice End a pause early
    @dev Reverts with owner, or paused when there is none
    """
    self.only_owner()
    assert block.timestamp < self.paused_until, "paused"
    self.paused_until = block.timestamp
    log Paused(until=block.timestamp)


@internal
@view
def only_owner():
    assert msg.sender == self.owner, "owner"


@internal
@view
def only_seizure():
    assert msg.sender == self.seizure, "seizure"


@internal
@view
def require_sealed():
    assert self.seizure != empty(address), "sealed"


@internal
@view
def require_spending():
    assert block.timestamp >= self.paused_until, "paused"
