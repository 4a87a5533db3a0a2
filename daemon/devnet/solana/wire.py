"""JSON-RPC 2.0: requests in, answers out, and the arguments checked on the way.

Codes: https://github.com/anza-xyz/agave/blob/master/rpc-client-api/src/custom_error.rs
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.rpc.endpoint import Json

PREFLIGHT_FAILED: Final = -32002
BAD_SIGNATURE: Final = -32003
NO_BLOCK: Final = -32004
UNHEALTHY: Final = -32005
SLOT_SKIPPED: Final = -32007
NOT_INDEXED: Final = -32010
BEHIND: Final = -32016
NO_METHOD: Final = -32601
BAD_PARAMS: Final = -32602
TOO_MANY: Final = 429


class RpcFailure(Exception):
    """What the node answers instead of a result."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> Json:
        """Give the error object."""
        error: dict[str, Json] = {"code": self.code, "message": self.message}
        return error if self.data is None else error | {"data": self.data}


class BadParams(RpcFailure):
    """An argument is missing or of another shape."""

    def __init__(self, what: str) -> None:
        super().__init__(BAD_PARAMS, f"Invalid params: {what}")


@dataclass(frozen=True, slots=True)
class Params:
    """The arguments of one request; every reader raises BadParams."""

    items: Sequence[Json]

    def at(self, index: int) -> Json:
        """Give an argument, None where it is left out."""
        return self.items[index] if index < len(self.items) else None

    def text(self, index: int) -> str:
        """Give a text."""
        return expect_text(self.at(index), f"argument {index}")

    def number(self, index: int, default: int | None = None) -> int:
        """Give an integer."""
        value = self.at(index)
        if value is None and default is not None:
            return default
        return expect_number(value, f"argument {index}")

    def key(self, index: int) -> Pubkey:
        """Give a public key."""
        return expect_key(self.at(index))

    def texts(self, index: int) -> list[str]:
        """Give a list of texts."""
        value = self.at(index)
        if not isinstance(value, list):
            raise BadParams(f"argument {index} is no list")
        return [expect_text(each, f"argument {index}") for each in value]

    def keys(self, index: int) -> list[Pubkey]:
        """Give a list of public keys."""
        return [expect_key(each) for each in self.texts(index)]

    def config(self, index: int) -> Mapping[str, Json]:
        """Give an object, empty where it is left out."""
        value = self.at(index)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadParams(f"argument {index} is no object")
        return value


Handler = Callable[[Params], Json]


def expect_text(value: Json, what: str) -> str:
    """Give a text; BadParams on anything else."""
    if not isinstance(value, str):
        raise BadParams(f"{what} is no text")
    return value


def expect_number(value: Json, what: str) -> int:
    """Give an integer; BadParams on anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadParams(f"{what} is no integer")
    return value


def expect_key(value: Json) -> Pubkey:
    """Give a public key; BadParams on anything else."""
    try:
        return Pubkey.from_string(expect_text(value, "a key"))
    except ValueError as error:
        raise BadParams(f"{value!r} is no public key") from error


def expect_base64(text: str) -> bytes:
    """Give the bytes of base64 text; BadParams on anything else."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadParams(f"invalid base64 encoding: {error}") from error


def answer(handlers: Mapping[str, Handler], request: Json) -> Json:
    """Answer one request object."""
    if not isinstance(request, dict) or not isinstance(method := request.get("method"), str):
        failure = RpcFailure(-32600, "Invalid request")
        return {"jsonrpc": "2.0", "error": failure.to_json(), "id": None}
    key = request.get("id")
    try:
        return {"jsonrpc": "2.0", "result": _call(handlers, method, request), "id": key}
    except RpcFailure as failure:
        return {"jsonrpc": "2.0", "error": failure.to_json(), "id": key}


def _call(handlers: Mapping[str, Handler], method: str, request: Mapping[str, Json]) -> Json:
    handler = handlers.get(method)
    if handler is None:
        raise RpcFailure(NO_METHOD, "Method not found")
    items = request.get("params")
    if items is None:
        items = []
    if not isinstance(items, list):
        raise BadParams("params is no list")
    return handler(Params(items))
