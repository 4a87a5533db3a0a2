"""The supervisor's side of control: one request in, the devnet's status out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

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
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState
from daemon.devnet.live import LiveChain
from daemon.devnet.solana.chain import LiveSolana

Chain = LiveChain | LiveSolana


class Service:
    """Carries requests out on all chains."""

    def __init__(self, state: DevnetState, evm: Sequence[LiveChain], solana: LiveSolana) -> None:
        self.state = state
        self.evm = evm
        self.solana = solana
        self.chains: tuple[Chain, ...] = (*evm, solana)

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
                for chain in _having(self.chains, request.asset):
                    chain.shock(request.asset, request.percent, protocol_only=request.protocol_only)
            case MineRequest():
                for chain in self.chains:
                    chain.mine(request.blocks)
            case BaseFeeRequest():
                (chain,) = self._select(request.chain)
                chain.set_fee(request.fee)
            case FaucetRequest():
                self._give(request)
            case _:
                assert_never(request)

    def _select(self, name: str | None) -> Sequence[Chain]:
        """Give the chain of this label, number or CAIP-2 id, or all."""
        if name is None:
            return self.chains
        for chain in self.chains:
            if name in {chain.name, chain.chain_id.reference, str(chain.chain_id)}:
                return (chain,)
        known = ", ".join(f"{chain.name} ({chain.chain_id})" for chain in self.chains)
        raise DevnetError(f"there is no chain {name!r} on the devnet: {known}")

    def _give(self, request: FaucetRequest) -> None:
        chains = [each for each in self._select(request.chain) if each.takes(request.account)]
        if not chains:
            raise DevnetError(f"chain {request.chain!r} has no addresses like {request.account}")
        if request.symbol == NATIVE:
            for chain in chains:
                units = _units(request.amount, chain.native_decimals)
                chain.add_balance(request.account, units)
            return
        for chain in _having(chains, request.symbol):
            units = _units(request.amount, chain.find_token(request.symbol).decimals)
            chain.mint(request.symbol, request.account, units)

    def read_status(self) -> DevnetStatus:
        """Read every chain."""
        return DevnetStatus(
            pid=self.state.pid,
            deployment=self.state.deployment,
            run_file=self.state.run_file,
            chains=tuple(_read_chain(chain) for chain in self.chains),
        )


def _read_chain(chain: Chain) -> ChainStatus:
    head = chain.read_head()
    status = ChainStatus(
        name=chain.name,
        caip2=str(chain.chain_id),
        rpc_url=chain.rpc.url,
        height=head.height,
        time=head.time,
        prices=dict(chain.read_prices()),
    )
    if isinstance(chain, LiveSolana):
        return replace(status, unit_price=chain.unit_price, node=chain.host.kind.value)
    return replace(status, number=chain.deployment.number, base_fee_wei=chain.base_fee_wei)


def _having(chains: Sequence[Chain], symbol: str) -> list[Chain]:
    """Give the chains that have an asset; DevnetError where none has it."""
    having = [chain for chain in chains if symbol in chain.deployment.tokens]
    if not having:
        known = dict.fromkeys(name for chain in chains for name in chain.deployment.tokens)
        raise DevnetError(f"there is no asset {symbol!r} on the devnet: {', '.join(known)}")
    return having


def _units(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals))
