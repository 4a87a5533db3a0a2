# pragma version 0.4.3
# @license Apache-2.0
"""
@title Facts: what one chain's contract tells the others, one storage word each
@notice A fact only grows or is written once, so an old true statement of it never harms and the
        order in which statements arrive does not matter.
@dev Vault and seizure initialize this module before everything else (`import facts as told`, since
     a contract may not have a module and a getter of one name), so `facts` lies at slot 0 in both
     and a storage proof of facts[key] is one of keccak256(0 ‖ key).
"""


RAISED: constant(bytes32) = keccak256("RAISED")
LOWERED: constant(bytes32) = keccak256("LOWERED")
LINKED: constant(bytes32) = keccak256("LINKED")
LOCK: constant(bytes32) = keccak256("LOCK")
RECEIPT: constant(bytes32) = keccak256("RECEIPT")
CLOSED: constant(bytes32) = keccak256("CLOSED")

facts: public(HashMap[bytes32, uint256])


# Facts of vaults


@internal
@pure
def raised_key(_account: bytes32, _from: uint64, _to: uint64, _asset: uint8) -> bytes32:
    # Units ever lent, told by the vault on `_from`.
    return keccak256(abi_encode(RAISED, _account, _from, _to, _asset))


@internal
@pure
def lowered_key(_account: bytes32, _from: uint64, _to: uint64, _asset: uint8) -> bytes32:
    # Units ever given back, told by the vault on `_to`.
    return keccak256(abi_encode(LOWERED, _account, _from, _to, _asset))


@internal
@pure
def linked_key(_account: bytes32, _chain: uint64) -> bytes32:
    # owner | nonce << 160, told by the vault on the home chain; no owner unlinks.
    return keccak256(abi_encode(LINKED, _account, _chain))


# Facts of seizures


@internal
@pure
def lock_key(_order: bytes32) -> bytes32:
    # hashStruct(Order), told on the collateral chain.
    return keccak256(abi_encode(LOCK, _order))


@internal
@pure
def receipt_key(_order: bytes32, _index: uint32) -> bytes32:
    # hashStruct(Receipt), told on the debt chain.
    return keccak256(abi_encode(RECEIPT, _order, _index))


@internal
@pure
def closed_key(_order: bytes32) -> bytes32:
    # What of the order was filled, told on the debt chain.
    return keccak256(abi_encode(CLOSED, _order))
