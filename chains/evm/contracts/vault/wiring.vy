# pragma version 0.4.3
# @license Apache-2.0
"""
@title The other contracts of a chain's deployment, and its owner
"""


event Sealed:
    vault: indexed(address)
    notary: indexed(address)
    partner: indexed(address)
    owner: address


DEPLOYER: immutable(address)

vault: public(address)
notary: public(address)
# The judge of a seizure, the seizure of a judge.
partner: public(address)
owner: public(address)


@deploy
def __init__():
    DEPLOYER = msg.sender


@external
def seal(vault: address, notary: address, partner: address, owner: address):
    """
    @notice Name the other contracts of this chain and the owner, once; nothing works before
    @dev Only by the deployer. Reverts with deployer, sealed or zero
    """
    assert msg.sender == DEPLOYER, "deployer"
    assert self.vault == empty(address), "sealed"
    assert vault != empty(address) and notary != empty(address), "zero"
    assert partner != empty(address) and owner != empty(address), "zero"
    self.vault = vault
    self.notary = notary
    self.partner = partner
    self.owner = owner
    log Sealed(vault=vault, notary=notary, partner=partner, owner=owner)
