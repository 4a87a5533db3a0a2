"""The functions that owners and lenders call, and what they look up before.

Source: contracts/vault/vault.vy, accounts.vy, lines.vy, facts.vy and pool.vy.
"""

from typing import Final

from chains.evm.abi.function import Function
from chains.evm.protocols.plimsoll_vault.contracts import ACCOUNT, UNITS

OPEN: Final = Function("open", ("bytes32",), ("bytes32",))
LINK: Final = Function("link", ("uint64", "address", "bytes32", "bytes"))
LINK_NONCE: Final = Function("link_nonce", ACCOUNT, UNITS)
SALT: Final = Function("salt", (), ("bytes32",))

DEPOSIT: Final = Function("deposit", ("bytes32", "uint8", "uint256"), UNITS)
WITHDRAW: Final = Function("withdraw", ("bytes32", "uint8", "uint256", "address"))
BORROW: Final = Function("borrow", ("bytes32", "uint8", "uint256", "address"))
REPAY: Final = Function("repay", ("bytes32", "uint8", "uint256"), UNITS)
SUPPLY: Final = Function("supply", ("uint8", "uint256"), UNITS)

COLLATERAL: Final = Function("collateral", ("bytes32", "uint8"), UNITS)
DEBT: Final = Function("debt", ("bytes32", "uint8"), UNITS)
LOCKABLE: Final = Function("lockable", ("bytes32", "uint8", "uint64"), UNITS)
"""What is neither lent nor locked, for the chain's own number."""
LINE_OUT: Final = Function("line_out", ("bytes32", "uint64", "uint8"), UNITS)
LINE_IN: Final = Function("line_in", ("bytes32", "uint64", "uint8"), UNITS)
FACTS: Final = Function("facts", ("bytes32",), UNITS)
"""How much an account lends, is lent, and what each vault ever told of it."""
