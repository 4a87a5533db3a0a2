"""What an EVM node's errors mean, by their words and codes.

Sources: EIP-1474 and the messages of geth, Nethermind, Erigon and anvil.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from chains.rpc.endpoint import Endpoint, EndpointError, Json, RpcError, RpcErrorKind

_CODES: Final[Mapping[int, RpcErrorKind]] = {
    3: RpcErrorKind.REVERTED,
    429: RpcErrorKind.RATE_LIMITED,
    -32001: RpcErrorKind.MISSING_BLOCK,
    -32005: RpcErrorKind.RATE_LIMITED,
    -32600: RpcErrorKind.BAD_PARAMS,
    -32601: RpcErrorKind.UNSUPPORTED,
    -32602: RpcErrorKind.BAD_PARAMS,
}
# Words come before codes: geth and its kin put most of these under -32000.
_WORDS: Final[Sequence[tuple[str, RpcErrorKind]]] = (
    ("already known", RpcErrorKind.ALREADY_KNOWN),
    ("already imported", RpcErrorKind.ALREADY_KNOWN),
    ("alreadyknown", RpcErrorKind.ALREADY_KNOWN),
    ("known transaction", RpcErrorKind.ALREADY_KNOWN),
    ("nonce too low", RpcErrorKind.NONCE_TOO_LOW),
    ("nonce is too low", RpcErrorKind.NONCE_TOO_LOW),
    ("oldnonce", RpcErrorKind.NONCE_TOO_LOW),
    ("underpriced", RpcErrorKind.UNDERPRICED),
    ("max fee per gas less than block base fee", RpcErrorKind.FEE_BELOW_BASE),
    ("fee cap less than block base fee", RpcErrorKind.FEE_BELOW_BASE),
    ("insufficient funds", RpcErrorKind.NO_FUNDS),
    ("insufficient balance", RpcErrorKind.NO_FUNDS),
    ("query returned more than", RpcErrorKind.RANGE_TOO_WIDE),
    ("block range", RpcErrorKind.RANGE_TOO_WIDE),
    ("range too", RpcErrorKind.RANGE_TOO_WIDE),
    ("range is too", RpcErrorKind.RANGE_TOO_WIDE),
    ("rate limit", RpcErrorKind.RATE_LIMITED),
    ("too many requests", RpcErrorKind.RATE_LIMITED),
    ("header not found", RpcErrorKind.MISSING_BLOCK),
    ("header for hash not found", RpcErrorKind.MISSING_BLOCK),
    ("block not found", RpcErrorKind.MISSING_BLOCK),
    ("unknown block", RpcErrorKind.MISSING_BLOCK),
    ("not currently canonical", RpcErrorKind.MISSING_BLOCK),
    ("missing trie node", RpcErrorKind.MISSING_BLOCK),
    ("blockoutofrange", RpcErrorKind.MISSING_BLOCK),
    ("block out of range", RpcErrorKind.MISSING_BLOCK),
    ("execution reverted", RpcErrorKind.REVERTED),
)


def classify(code: int, message: str) -> RpcErrorKind:
    """Say what a JSON-RPC error means, by its words and then by its code."""
    lowered = message.lower()
    for words, kind in _WORDS:
        if words in lowered:
            return kind
    return _CODES.get(code, RpcErrorKind.UNKNOWN)


class EvmEndpoint(Endpoint):
    """One endpoint of an EVM chain."""

    def _refusal(self, error: dict[str, Json]) -> RpcError | EndpointError:
        code = error.get("code")
        number = code if isinstance(code, int) else 0
        message = str(error.get("message", ""))[:300]
        kind = classify(number, message)
        if kind is RpcErrorKind.RATE_LIMITED:
            return EndpointError(self.label, f"rate limited: {message}")
        return RpcError(self._chain, message, number, _revert_data(error.get("data")), kind)


def _revert_data(data: Json) -> bytes:
    """Find revert data, which some nodes wrap in an object or prefix with words."""
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str):
        return b""
    _, _, digits = data.rpartition("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""
