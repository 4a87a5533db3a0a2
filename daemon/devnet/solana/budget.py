"""What a transaction pays: signatures, and its compute-unit price times its limit.

Source: https://solana.com/docs/core/fees; the limit counts, not the units used, and the priority
fee is rounded up to whole lamports.
"""

import struct
from dataclasses import dataclass
from typing import Final

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import VersionedMessage

LAMPORTS_PER_SIGNATURE: Final = 5_000
UNITS_PER_INSTRUCTION: Final = 200_000
MAX_UNITS: Final = 1_400_000
MICRO: Final = 1_000_000
_SET_LIMIT: Final = 2
_SET_PRICE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a message asks for: units, and micro-lamports for each."""

    units: int
    price: int


def read_budget(message: VersionedMessage) -> Budget:
    """Read the compute-budget instructions; left out, 200,000 units an instruction at no price."""
    units, price, others = None, 0, 0
    for instruction in message.instructions:
        data = bytes(instruction.data)
        if message.account_keys[instruction.program_id_index] != COMPUTE_BUDGET:
            others += 1
        elif data[:1] == bytes([_SET_LIMIT]):
            units = int(struct.unpack_from("<I", data, 1)[0])
        elif data[:1] == bytes([_SET_PRICE]):
            price = int(struct.unpack_from("<Q", data, 1)[0])
    wanted = UNITS_PER_INSTRUCTION * others if units is None else units
    return Budget(units=min(wanted, MAX_UNITS), price=price)


def quote_fee(message: VersionedMessage) -> int:
    """Give the lamports that including the message costs."""
    budget = read_budget(message)
    signatures = message.header.num_required_signatures
    return LAMPORTS_PER_SIGNATURE * signatures - (-budget.price * budget.units // MICRO)
