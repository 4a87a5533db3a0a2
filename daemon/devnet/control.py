"""What may be asked of a running devnet, and the client's side of asking.

One request a connection: a line of JSON to the supervisor's Unix socket, a line back, either
`{"status": …}`, the devnet after the command, or `{"error": "one line"}`.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from chains.model.ids import Address, parse_address, parse_key
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import Folder
from daemon.devnet.live import AssetPrices

MAX_LINE: Final = 1 << 20
MAX_BLOCKS: Final = 1_000
TIMEOUT_S: Final = 30.0
NATIVE: Final = "native"


def parse_account(text: str) -> Address:
    """Give the address of an EVM chain (0x and hex) or of Solana (base58); InvalidId if neither."""
    return parse_address(text) if text.startswith("0x") else parse_key(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """Ask how the devnet is."""

    command: Literal["status"] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShockRequest:
    """Move an asset's USD price by percent wherever it is, or the protocols' feeds alone."""

    asset: str
    percent: Annotated[Decimal, Field(allow_inf_nan=False)]
    protocol_only: bool = False
    command: Literal["shock"] = "shock"


@dataclass(frozen=True, slots=True, kw_only=True)
class MineRequest:
    """Mine blocks on all chains at once."""

    blocks: Annotated[int, Field(ge=1, le=MAX_BLOCKS)] = 1
    command: Literal["mine"] = "mine"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFeeRequest:
    """Set what a chain charges from the next block on, which is mined now.

    On an EVM chain its base fee in gwei, on Solana micro-lamports for a compute unit.
    """

    chain: str
    fee: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    command: Literal["base-fee"] = "base-fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaucetRequest:
    """Give an account whole tokens, or `native` money, on one chain.

    Or (None) on all where the address is one: 0x and hex on EVM chains, base58 on Solana.
    """

    account: Annotated[Address, AfterValidator(parse_account)]
    symbol: str
    amount: Annotated[Decimal, Field(gt=0, le=10**9)]
    chain: str | None = None
    command: Literal["faucet"] = "faucet"


Request = StatusRequest | ShockRequest | MineRequest | BaseFeeRequest | FaucetRequest
REQUEST_JSON: Final[TypeAdapter[Request]] = TypeAdapter(
    Annotated[Request, Field(discriminator="command")]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """One chain now; `time` is its newest block's, `height` on Solana the newest slot.

    An EVM chain has a `number` and a base fee, Solana a price bid for a compute unit
    (micro-lamports) and a node (`surfpool` or `own`).
    """

    name: str
    caip2: str
    rpc_url: str
    height: int
    time: int
    prices: Mapping[str, AssetPrices]
    number: int | None = None
    base_fee_wei: int | None = None
    unit_price: int | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetStatus:
    """The devnet now."""

    pid: int
    deployment: str
    run_file: Path
    chains: tuple[ChainStatus, ...]


STATUS_JSON: Final = TypeAdapter(DevnetStatus)


def ask(folder: Folder, request: Request) -> DevnetStatus:
    """Send one request; DevnetError when no devnet runs here or it refuses."""
    answer = _exchange(folder, REQUEST_JSON.dump_json(request))
    if "error" in answer:
        raise DevnetError(str(answer["error"]))
    return STATUS_JSON.validate_python(answer["status"])


def _exchange(folder: Folder, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        try:
            with folder.socket_path() as path:
                connection.connect(path)
            connection.sendall(line + b"\n")
            answer = connection.makefile("rb").readline(MAX_LINE)
        except (FileNotFoundError, ConnectionError) as error:
            raise DevnetError(f"no devnet runs in {folder.path}: `plimsoll devnet up`") from error
        except TimeoutError as error:
            raise DevnetError(f"the devnet did not answer within {TIMEOUT_S:.0f} s") from error
    if not answer:
        raise DevnetError("the devnet ended while it was asked")
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


def read_status(folder: Folder) -> DevnetStatus:
    """Ask how the devnet is."""
    return ask(folder, StatusRequest())


def shock(
    folder: Folder, asset: str, percent: Decimal, *, protocol_only: bool = False
) -> DevnetStatus:
    """Move an asset's price by percent on all chains."""
    return ask(folder, ShockRequest(asset=asset, percent=percent, protocol_only=protocol_only))


def mine(folder: Folder, blocks: int = 1) -> DevnetStatus:
    """Mine blocks on all chains."""
    return ask(folder, MineRequest(blocks=blocks))


def set_base_fee(folder: Folder, chain: str, fee: Decimal) -> DevnetStatus:
    """Set a chain's base fee in gwei; on Solana micro-lamports for a compute unit."""
    return ask(folder, BaseFeeRequest(chain=chain, fee=fee))


def faucet(
    folder: Folder, account: str, symbol: str, amount: Decimal, *, chain: str | None = None
) -> DevnetStatus:
    """Give an account tokens or, for the symbol `native`, money for gas."""
    address = parse_account(account)
    return ask(folder, FaucetRequest(account=address, symbol=symbol, amount=amount, chain=chain))
