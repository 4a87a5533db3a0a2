"""JSON of the Ethereum RPC into the model's values: pure; every oddity is a ValueError.

Source: https://ethereum.github.io/execution-apis (quantities, data, block, receipt, log).
"""

from dataclasses import dataclass

from chains.model.action import Receipt
from chains.model.anchor import BlockAnchor, Finality, Head
from chains.model.ids import Address, ChainId, parse_address
from chains.rpc.endpoint import Json

_WORD_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One event of a contract, in a block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    height: int
    block_hash: bytes
    tx_hash: bytes
    index: int


def expect_object(value: Json) -> dict[str, Json]:
    """Give the JSON object; ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {str(value)[:60]!r}")  # noqa: TRY004 -- one error type
    return value


def expect_list(value: Json) -> list[Json]:
    """Give the JSON array; ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError(f"an array was expected, not {str(value)[:60]!r}")  # noqa: TRY004 -- one error type
    return value


def decode_quantity(value: Json) -> int:
    """Decode a 0x quantity; ValueError for anything else."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError(f"a 0x quantity was expected, not {str(value)[:60]!r}")
    return int(value, 16)


def decode_data(value: Json) -> bytes:
    """Decode 0x data; ValueError for anything else."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError(f"0x data was expected, not {str(value)[:60]!r}")
    return bytes.fromhex(value[2:])


def decode_word(value: Json) -> bytes:
    """Decode 32 bytes of 0x data."""
    if len(data := decode_data(value)) * 2 != _WORD_DIGITS:
        raise ValueError(f"32 bytes were expected, not {len(data)}")
    return data


def decode_address(value: Json) -> Address:
    """Decode an address."""
    if not isinstance(value, str):
        raise ValueError(f"an address was expected, not {str(value)[:60]!r}")  # noqa: TRY004 -- one error type
    return parse_address(value.lower())


def decode_head(chain: ChainId, value: Json, finality: Finality = Finality.LATEST) -> Head:
    """Decode a block header, as blocks and `newHeads` messages carry it."""
    header = expect_object(value)
    return Head(
        anchor=BlockAnchor(
            chain=chain,
            height=decode_quantity(header.get("number")),
            hash=decode_word(header.get("hash")),
            time=decode_quantity(header.get("timestamp")),
            state_root=decode_word(header.get("stateRoot")),
            finality=finality,
        ),
        parent_hash=decode_word(header.get("parentHash")),
        base_fee_wei=decode_quantity(header.get("baseFeePerGas")),
    )


def decode_receipt(chain: ChainId, value: Json) -> Receipt:
    """Decode a transaction receipt."""
    receipt = expect_object(value)
    return Receipt(
        chain=chain,
        tx_hash=decode_word(receipt.get("transactionHash")),
        block_hash=decode_word(receipt.get("blockHash")),
        height=decode_quantity(receipt.get("blockNumber")),
        success=decode_quantity(receipt.get("status")) == 1,
        gas_used=decode_quantity(receipt.get("gasUsed")),
        gas_price_wei=decode_quantity(receipt.get("effectiveGasPrice")),
    )


def decode_log(value: Json) -> Log:
    """Decode one entry of `eth_getLogs`."""
    log = expect_object(value)
    return Log(
        address=decode_address(log.get("address")),
        topics=tuple(decode_word(topic) for topic in expect_list(log.get("topics"))),
        data=decode_data(log.get("data")),
        height=decode_quantity(log.get("blockNumber")),
        block_hash=decode_word(log.get("blockHash")),
        tx_hash=decode_word(log.get("transactionHash")),
        index=decode_quantity(log.get("logIndex")),
    )


def to_hex(data: bytes) -> str:
    """Give 0x text of bytes."""
    return "0x" + data.hex()
