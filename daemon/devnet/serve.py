"""The supervisor's side of control: one request in, the devnet's status out."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, assert_never

from pydantic import ValidationError

from daemon.devnet.control import (
    NATIVE,
    REQUEST_JSON,
    STATUS_JSON,
    BaseFeeRequest,
    ChainStatus,
    DevnetStatus,
    FaucetRequest,
    MineRequest,
    Request,
    ShockRequest,
    StatusRequest,
)
from daemon.devnet.deployment import GWEI
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState
from daemon.devnet.live import LiveChain

_NATIVE_DECIMALS: Final = 18


class Service:
    """Carries requests out on all chains."""

    def __init__(self, state: DevnetState, chains: Sequence[LiveChain]) -> None:
        self.state = state
        self.chains = chains

    def answer(self, line: bytes) -> bytes:
        """Carry one line out; what was wrong with it is the answer's `error`."""
        try:
            self._carry_out(REQUEST_JSON.validate_json(line))
            status = STATUS_JSON.dump_python(self.read_status(), mode="json")
        except DevnetError as error:
            return self._refuse(str(error))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return self._refuse(f"{field}: {first['msg']}")
        return json.dumps({"status": status}).encode() + b"\n"

    def _refuse(self, why: str) -> bytes:
        return json.dumps({"error": why}).encode() + b"\n"

    def _carry_out(self, request: Request) -> None:
        match request:
            case StatusRequest():
                pass
            case ShockRequest():
                for chain in self.chains:
                    chain.shock(request.asset, request.percent, protocol_only=request.protocol_only)
            case MineRequest():
                for chain in self.chains:
                    chain.mine(request.blocks)
            case BaseFeeRequest():
                (chain,) = self._select(request.chain)
                chain.set_base_fee(int(request.gwei * GWEI))
                chain.mine()
            case FaucetRequest():
                for chain in self._select(request.chain):
                    _give(chain, request)
            case _:
                assert_never(request)

    def _select(self, name: str | None) -> Sequence[LiveChain]:
        """Give the chain of this label or number, or all."""
        if name is None:
            return self.chains
        for chain in self.chains:
            if name in {chain.name, str(chain.deployment.number), str(chain.chain_id)}:
                return (chain,)
        known = ", ".join(f"{chain.name} ({chain.chain_id})" for chain in self.chains)
        raise DevnetError(f"there is no chain {name!r} on the devnet: {known}")

    def read_status(self) -> DevnetStatus:
        """Read every chain."""
        return DevnetStatus(
            pid=self.state.pid,
            deployment=self.state.deployment,
            run_file=self.state.run_file,
            chains=tuple(_read_chain(chain) for chain in self.chains),
        )


def _read_chain(chain: LiveChain) -> ChainStatus:
    head = chain.read_head()
    return ChainStatus(
        name=chain.name,
        number=chain.deployment.number,
        rpc_url=chain.rpc.url,
        height=head.height,
        time=head.time,
        base_fee_wei=chain.base_fee_wei,
        prices=dict(chain.read_prices()),
    )


def _give(chain: LiveChain, request: FaucetRequest) -> None:
    if request.symbol == NATIVE:
        chain.add_balance(request.account, _units(request.amount, _NATIVE_DECIMALS))
    else:
        token = chain.find_token(request.symbol)
        chain.mint(request.symbol, request.account, _units(request.amount, token.decimals))


def _units(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals))
