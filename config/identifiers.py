"""Identifiers and secrets as configuration writes them, read into the house's own types."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import PlainSerializer, PlainValidator

from chains.model.ids import (
    EIP155,
    SOLANA,
    AccountId,
    Address,
    ChainId,
    checksummed,
    parse_address,
    parse_key,
)

MAX_PORT: Final = 65_535
_HASH_BYTES: Final = 32
_GENESIS_LETTERS: Final = 32
_SOLANA_FORM: Final = f"{SOLANA}: and the first {_GENESIS_LETTERS} characters of a genesis hash"
T = TypeVar("T")


def _text(parse: Callable[[str], T]) -> Callable[[object], T]:
    def read(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError(f"is {value!r}; write text in quotes")  # noqa: TRY004 # pydantic reports ValueError only
        return parse(value)

    return read


def _own(kind: type[T], parse: Callable[[str], T]) -> Callable[[object], T]:
    read = _text(parse)
    return lambda value: value if isinstance(value, kind) else read(value)


def _parse_hash(text: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != _HASH_BYTES or not text.startswith("0x"):
        raise ValueError(f"is {text!r}; write 0x and 64 hex digits")
    return value


def _parse_raw_hash(text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != _HASH_BYTES or len(text) != 2 * _HASH_BYTES:
        raise ValueError(f"is {text!r}; write 64 hex digits")
    return value


def _parse_evm_chain(text: str) -> ChainId:
    chain = ChainId.parse(text)
    if chain.namespace != EIP155 or not chain.reference.isdecimal():
        raise ValueError(f"is {text!r}; write {EIP155}: and a number, or {_SOLANA_FORM}")
    return chain


def _parse_solana_chain(text: str) -> ChainId:
    chain = ChainId.parse(text)
    if chain.namespace != SOLANA or len(chain.reference) != _GENESIS_LETTERS:
        raise ValueError(f"is {text!r}; write {_SOLANA_FORM}")
    return chain


class Endpoint(str):
    """The URL of an RPC endpoint; its path and query may hold a key, so `repr` hides them."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        """The URL fit for logs: scheme and host, `***` for whatever may be secret."""
        parts = urlsplit(self)
        secret = parts.path.strip("/") or parts.query or parts.username
        where = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{where}{port}{'/***' if secret else ''}"

    def __repr__(self) -> str:
        return repr(self.masked)


def _endpoint(*schemes: str) -> Callable[[str], Endpoint]:
    def parse(text: str) -> Endpoint:
        url = Endpoint(text.strip())
        try:
            parts = urlsplit(url)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"is not usable; write a URL such as {schemes[0]}://127.0.0.1:8545")
        return url

    return parse


def _parse_hex(size: int) -> Callable[[str], bytes]:
    def parse(text: str) -> bytes:
        try:
            value = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            value = b""
        if len(value) != size:
            raise ValueError(f"is {text!r:.80}; write {2 * size} hex digits")
        return value

    return parse


def key_bytes(size: int) -> PlainValidator:
    """Give what reads a public key, or a proof of one, of so many bytes."""
    return PlainValidator(_own(bytes, _parse_hex(size)))


def _parse_listener(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > MAX_PORT:
        raise ValueError(f"is {text!r}; write an address and a port such as 127.0.0.1:9001")
    return host.strip("[]"), int(port)


EvmChainRef = Annotated[
    ChainId, PlainValidator(_own(ChainId, _parse_evm_chain)), PlainSerializer(str)
]
"""A CAIP-2 chain of the Ethereum kind."""
SolanaChainRef = Annotated[
    ChainId, PlainValidator(_own(ChainId, _parse_solana_chain)), PlainSerializer(str)
]
"""A CAIP-2 chain of the Solana kind."""
AccountRef = Annotated[
    AccountId, PlainValidator(_own(AccountId, AccountId.parse)), PlainSerializer(str)
]
"""A CAIP-10 account."""
EvmAddress = Annotated[Address, PlainValidator(_text(parse_address)), PlainSerializer(checksummed)]
"""An EVM address; mixed case must carry its EIP-55 checksum."""
SolanaKey = Annotated[Address, PlainValidator(_text(parse_key)), PlainSerializer(str)]
"""A Solana address: base58 of 32 bytes."""
RawHash = Annotated[
    bytes, PlainValidator(_own(bytes, _parse_raw_hash)), PlainSerializer(lambda value: value.hex())
]
"""32 bytes as 64 hex digits."""
Hash = Annotated[
    bytes,
    PlainValidator(_own(bytes, _parse_hash)),
    PlainSerializer(lambda value: "0x" + value.hex()),
]
"""32 bytes as 0x and 64 hex digits."""
HttpUrl = Annotated[
    Endpoint,
    PlainValidator(_text(_endpoint("http", "https"))),
    PlainSerializer(lambda url: url.masked),
]
"""An http(s) endpoint, masked when printed."""
WsUrl = Annotated[
    Endpoint,
    PlainValidator(_text(_endpoint("ws", "wss"))),
    PlainSerializer(lambda url: url.masked),
]
"""A ws(s) endpoint, masked when printed."""
FilePath = Annotated[Path, PlainValidator(lambda value: Path(value).expanduser())]
"""A path; `~` is the user's home."""
Listener = Annotated[
    tuple[str, int],
    PlainValidator(_own(tuple, _text(_parse_listener))),
    PlainSerializer(lambda place: f"{place[0]}:{place[1]}"),
]
"""An address of this machine and a TCP port; port 0 picks a free one."""
