# pragma version 0.4.3
# @license Apache-2.0
"""
@title Orders whose collateral is locked on this chain, until nothing can be claimed of them
"""
import ISeizure


MAX_OPEN: constant(uint256) = 16
HALF: constant(uint256) = 2**128
LOW: constant(uint256) = 2**128 - 1
ORDER_TYPEHASH: constant(bytes32) = keccak256(
    "Order(uint64 collateralChain,uint64 debtChain,bytes32 account,uint8 collateralAsset,uint8 debtAsset,uint256 units,uint256 lineUnits,uint256 valueE8,uint16 bonusBps,uint64 expiry,uint256 nonce)"
)
RECEIPT_TYPEHASH: constant(bytes32) = keccak256(
    "Receipt(bytes32 order,uint32 index,address to,uint256 units,uint256 valueE8)"
)

# By account, oldest first but for gaps that the newest filled.
listed: HashMap[bytes32, DynArray[bytes32, MAX_OPEN]]
amounts: HashMap[bytes32, uint256]
traits: HashMap[bytes32, uint256]
# line units | margin << 128
extras: HashMap[bytes32, uint256]


@internal
@pure
def identify(_order: ISeizure.Order) -> bytes32:
    return keccak256(abi_encode(ORDER_TYPEHASH, _order))


@internal
@pure
def hash_receipt(_receipt: ISeizure.Receipt) -> bytes32:
    return keccak256(abi_encode(RECEIPT_TYPEHASH, _receipt))


@internal
@view
def read(_id: bytes32) -> ISeizure.Open:
    amounts: uint256 = self.amounts[_id]
    traits: uint256 = self.traits[_id]
    extras: uint256 = self.extras[_id]
    return ISeizure.Open(
        collateral_asset=traits & 255,
        debt_asset=(traits >> 8) & 255,
        debt_chain=convert((traits >> 16) & (2**64 - 1), uint64),
        bonus_bps=(traits >> 80) & (2**16 - 1),
        expiry=(traits >> 96) & (2**64 - 1),
        line_units=extras & LOW,
        resting=(traits >> 160) & 1 == 1,
        robbed=(traits >> 161) & 1 == 1,
        released=(traits >> 162) & 1 == 1,
        locked=amounts & LOW,
        left=amounts >> 128,
        margin=extras >> 128,
    )


@internal
def write(_id: bytes32, _open: ISeizure.Open):
    assert _open.locked < HALF and _open.left < HALF, "size"
    self.amounts[_id] = _open.locked | (_open.left << 128)
    traits: uint256 = _open.collateral_asset | (_open.debt_asset << 8)
    traits |= convert(_open.debt_chain, uint256) << 16
    traits |= _open.bonus_bps << 80
    traits |= _open.expiry << 96
    traits |= convert(_open.resting, uint256) << 160
    traits |= convert(_open.robbed, uint256) << 161
    traits |= convert(_open.released, uint256) << 162
    self.traits[_id] = traits


@internal
def add(_account: bytes32, _id: bytes32, _open: ISeizure.Open):
    assert len(self.listed[_account]) < MAX_OPEN, "full"
    self.listed[_account].append(_id)
    assert _open.margin < HALF, "size"
    self.extras[_id] = _open.line_units | (_open.margin << 128)
    self.write(_id, _open)


@internal
def remove(_account: bytes32, _id: bytes32):
    # Its facts and receipts stay; what it was is forgotten.
    last: bytes32 = self.listed[_account].pop()
    if last != _id:
        for i: uint256 in range(len(self.listed[_account]), bound=MAX_OPEN):
            if self.listed[_account][i] == _id:
                self.listed[_account][i] = last
    self.amounts[_id] = 0
    self.traits[_id] = 0
    self.extras[_id] = 0
