"""Two real chains for tests: anvils started from the cached build, without a supervisor.

Each chain mines every transaction by itself unless a test says `automine(on=False)`. Any address
may send (anvil impersonates it); `accounts` are the ones whose keys tests know.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3

from chains.model.action import Call
from chains.model.ids import Address, parse_address
from chains.model.units import USD, Usd
from daemon.devnet.anvil import Anvil
from daemon.devnet.artifacts import Artifact
from daemon.devnet.build import BuiltChain, build_devnet
from daemon.devnet.calls import encode_call
from daemon.devnet.deploy import DEPLOY_GAS, Deployer
from daemon.devnet.live import LiveChain

MNEMONIC = "test test test test test test test test test test test junk"
TEST_ACCOUNTS = 8
AS_ANYBODY = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TestAccount:
    """A funded account whose key is known."""

    __test__ = False
    address: Address
    key: bytes


@cache
def derive_accounts() -> tuple[TestAccount, ...]:
    """Derive anvil's development accounts, but for those that deploy."""
    Account.enable_unaudited_hdwallet_features()
    derived = [
        Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        for index in range(TEST_ACCOUNTS)
    ]
    return tuple(
        TestAccount(address=parse_address(account.address.lower()), key=bytes(account.key))
        for account in derived
    )


class DevChain(LiveChain):
    """One chain with the shorthands tests use."""

    def __init__(self, anvil: Anvil, built: BuiltChain) -> None:
        super().__init__(anvil, built.deployment, automine=True)
        self.url = self.rpc.url
        self.ws_url = self.rpc.ws_url
        self.accounts = derive_accounts()
        self.rpc.request("anvil_autoImpersonateAccount", AS_ANYBODY)
        self.refresh_feeds()

    @cached_property
    def w3(self) -> Web3:
        """A web3.py handle, for what is easier with it."""
        return Web3(HTTPProvider(self.url, request_kwargs={"timeout": 30}))

    def sender(self, address: Address | None = None) -> Deployer:
        """Send as any address (the owner by default) with gas it need not pay for."""
        if address is None:
            return self.owner
        if int(self.rpc.request("eth_getBalance", address, "latest"), 16) < 10**20:
            self.set_balance(address, 10**22)
        return Deployer(self.rpc, address, self.owner.max_fee_wei)

    def deploy(self, artifact: Artifact, *args: object, sender: Address | None = None) -> Address:
        """Create a contract."""
        deployer = self.sender(sender)
        posted = deployer.post(None, artifact.creation_data({}, *args), gas=DEPLOY_GAS)
        return parse_address(self._mined(deployer, posted)["contractAddress"])

    def send(
        self, to: Address, signature: str, *args: object, sender: Address | None = None
    ) -> dict[str, Any]:
        """Call a function in a block of its own; raises `Reverted` when it fails."""
        return self.send_call(Call(target=to, data=encode_call(signature, *args)), sender=sender)

    def send_call(self, call: Call, *, sender: Address | None = None) -> dict[str, Any]:
        """Send an unsigned call in a block of its own; raises `Reverted` when it fails."""
        deployer = self.sender(sender)
        posted = deployer.post(call.target, call.data, value=call.value)
        return self._mined(deployer, posted)

    def _mined(self, deployer: Deployer, tx_hash: str) -> dict[str, Any]:
        if not self.automine:
            self.mine()
        return deployer.confirm(tx_hash)

    def call(self, to: Address, signature: str, *args: object, returns: str) -> tuple[Any, ...]:
        """Read a function at the newest block; `returns` are its types in brackets."""
        return self.owner.call(to, signature, *args, returns=returns)

    def approve(self, symbol: str, spender: Address, sender: Address) -> None:
        """Let a spender take any amount of a token."""
        token = self.deployment.tokens[symbol].address
        self.send(token, "approve(address,uint256)", spender, 2**256 - 1, sender=sender)

    def supply(self, symbol: str, user: Address, units: int) -> None:
        """Mint tokens to a user and supply them to Aave."""
        self.mint(symbol, user, units)
        self.approve(symbol, self.deployment.aave.pool, user)
        self.send(
            self.deployment.aave.pool,
            "supply(address,uint256,address,uint16)",
            *(self.deployment.tokens[symbol].address, units, user, 0),
            sender=user,
        )

    def borrow(self, symbol: str, user: Address, units: int) -> None:
        """Borrow from Aave at the variable rate."""
        self.send(
            self.deployment.aave.pool,
            "borrow(address,uint256,uint256,uint16,address)",
            *(self.deployment.tokens[symbol].address, units, 2, 0, user),
            sender=user,
        )

    def balance(self, symbol: str, holder: Address) -> int:
        """Read a token balance."""
        token = self.deployment.tokens[symbol].address
        (units,) = self.call(token, "balanceOf(address)", holder, returns="(uint256)")
        return int(units)

    def set_price(self, symbol: str, usd: float, *, protocol_only: bool = False) -> None:
        """Set what an asset costs, in dollars: both feeds and the pools, or one feed only."""
        price = Usd(round(usd * USD))
        self.move_price(symbol, protocol=price, reference=None if protocol_only else price)

    def set_automine(self, *, on: bool) -> None:
        """Choose whether every transaction is mined at once."""
        self.rpc.request("evm_setAutomine", on)
        self.automine = on

    def advance(self, seconds: int) -> None:
        """Let time pass and mine a block in it."""
        self.rpc.request("evm_increaseTime", seconds)
        self.mine()

    def snapshot(self) -> str:
        """Keep the chain's state under a name that serves once."""
        name: str = self.rpc.request("evm_snapshot")
        return name

    def revert(self, name: str) -> None:
        """Go back to a snapshot: state, blocks, mining mode, base fee and clock."""
        self.rpc.request("anvil_dropAllTransactions")
        if self.rpc.request("evm_revert", name) is not True:
            raise AssertionError(f"snapshot {name} of {self.name} is gone")
        self.set_automine(on=True)
        self.set_base_fee(self.deployment.base_fee_wei)
        self.anvil.set_clock(max(int(time.time()), self.read_head().time))
        self.mine()


@dataclass(frozen=True, slots=True, kw_only=True)
class Devnet:
    """Both chains."""

    cheap: DevChain
    dear: DevChain

    @property
    def chains(self) -> tuple[DevChain, DevChain]:
        """Both, the cheap one first."""
        return self.cheap, self.dear

    @property
    def accounts(self) -> tuple[TestAccount, ...]:
        """Accounts with native money on both chains and known keys."""
        return derive_accounts()

    @contextmanager
    def reverting(self) -> Iterator[None]:
        """Undo on leaving whatever happens inside."""
        names = [chain.snapshot() for chain in self.chains]
        try:
            yield
        finally:
            for chain, name in zip(self.chains, names, strict=True):
                chain.revert(name)


@contextmanager
def run_devnet() -> Iterator[Devnet]:
    """Start both chains, built before if needed, and end them on leaving."""
    cheap, dear = build_devnet(print)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-test-")))
        yield Devnet(
            cheap=_start(stack, folder, cheap),
            dear=_start(stack, folder, dear),
        )


def _start(stack: ExitStack, folder: Path, built: BuiltChain) -> DevChain:
    anvil = Anvil.start(
        chain_id=built.deployment.number,
        folder=folder / built.deployment.name,
        state=built.state,
        automine=True,
    )
    return DevChain(stack.enter_context(anvil), built)
