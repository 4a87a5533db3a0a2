"""The contracts of cross-chain vaults on chains that run already, sealed and knowing each other.

On each chain: the pool of the lenders, the vault, the timelock that owns all of them, the notary of
statements with its prover, the judge of health and the seizure. Assets are numbered alike
everywhere. The figures are a devnet's: delays of minutes, where a chain with money on it waits
days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from chains.model.ids import Address
from chains.model.units import USD, WAD
from daemon.devnet.artifacts import Artifact
from daemon.devnet.calls import encode_call
from daemon.devnet.deployment import ASSETS, ZERO, Asset
from daemon.devnet.live import LiveChain
from daemon.devnet.vyper_build import VAULTS, compile_vyper
from proofs.typed import hash_text

VAULT_ASSETS: Final = ("WETH", "USDC")
"""The symbols by asset number."""
HEARTBEAT_S: Final = 3_600
_CONTRACTS: Final = ("pool", "vault", "timelock", "notary", "prover", "seizure", "judge")
_BOUND: Final = 100
"""A price is believed between a hundredth and the hundredfold of the opening price."""
_CURVE: Final = (WAD // 100, 4 * WAD // 100, 60 * WAD // 100, 8_000, 1_000)
"""Base 1 %, 4 % up to a utilisation of 80 %, 60 % beyond; a tenth to the insurance fund."""
_SET_ASSET: Final = "set_asset(uint8,address,uint256,uint256,(uint256,uint256,uint256,uint256))"
_SET_FEED: Final = "set_feed(uint8,address,uint256,uint256,uint256)"
_SET_CURVE: Final = "set_curve(uint8,(uint256,uint256,uint256,uint256,uint256))"
_SET_LINE_CAP: Final = "set_line_cap(uint64,uint8,bool,uint256)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureTerms:
    """What liquidations go by, in the order of IJudge.Terms; `_s` seconds, `_e8` USD x 1e8."""

    grace_s: int = 120
    max_age_s: int = 60
    order_life_s: int = 300
    veto_s: int = 120
    target_e18: int = 110 * WAD // 100
    floor_e18: int = 90 * WAD // 100
    min_bonus_bps: int = 200
    max_bonus_bps: int = 800
    fund_bonus_bps: int = 200
    buffer_bps: int = 500
    tolerance_bps: int = 300
    min_leg_e8: int = 10 * USD
    min_debt_e8: int = 10 * USD
    min_order_e8: int = 5 * USD


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTerms:
    """What a deployment is built with: times in seconds, caps and the least debt in USD x 1e8.

    `owner` proposes to the timelocks, `guardian` cancels, pauses and vetoes.
    """

    deployment: str
    owner: Address
    guardian: Address
    max_rate: int = WAD
    exit_delay_s: int = 60
    exit_window_s: int = 600
    min_debt: int = 10 * USD
    line_cap: int = 50_000_000 * USD
    hourly_cap: int = 10_000_000 * USD
    delay_s: int = 120
    long_delay_s: int = 300
    rotation_delay_s: int = 60
    successor_delay_s: int = 300
    lost_delay_s: int = 300
    seizure: SeizureTerms = SeizureTerms()

    @property
    def salt(self) -> bytes:
        """The deployment's salt, as everywhere."""
        return hash_text(self.deployment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The contracts that hold money on a chain, and who owns them."""

    vault: Address
    pool: Address
    timelock: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultContracts:
    """All that a deployment has on one chain."""

    ledger: Ledger
    notary: Address
    seizure: Address
    judge: Address
    verifier: Address


class Sender:
    """Sends the deployer's calls of one chain; a block holds all that one `flush` posts."""

    def __init__(self, chain: LiveChain) -> None:
        self._chain: Final = chain
        self._posted: list[str] = []

    def post(self, to: Address, signature: str, *args: object) -> None:
        """Call a function with the next flush."""
        self._posted.append(self._chain.owner.post(to, encode_call(signature, *args)))

    def flush(self) -> None:
        """See all of it included; Reverted when something failed."""
        self._chain.include(self._posted)
        self._posted = []


def compile_vault(name: str) -> Artifact:
    """Compile one of the vaults' contracts."""
    return compile_vyper(VAULTS / f"{name}.vy")


def compile_vaults() -> None:
    """Compile all of the vaults' contracts into the cache, which takes 20 s the first time."""
    for name in _CONTRACTS:
        compile_vault(name)


def deploy_ledger(chain: LiveChain, terms: VaultTerms, others: Sequence[int]) -> Ledger:
    """Deploy vault, pool and timelock and set what assets are; `others` are the other chains' ids.

    The vault is not sealed yet: it takes no money.
    """
    pool = chain.deploy(
        compile_vault("pool"), terms.max_rate, terms.exit_delay_s, terms.exit_window_s
    )
    vault = chain.deploy(compile_vault("vault"), terms.salt, pool, terms.min_debt)
    timelock = chain.deploy(
        compile_vault("timelock"), terms.owner, terms.guardian, terms.delay_s, terms.long_delay_s
    )
    ledger = Ledger(vault=vault, pool=pool, timelock=timelock)
    sender = Sender(chain)
    sender.post(pool, "seal(address)", vault)
    sender.flush()
    for number, symbol in enumerate(VAULT_ASSETS):
        _list_asset(chain, sender, ledger, terms, number, symbol, others)
    sender.flush()
    return ledger


def _list_asset(
    chain: LiveChain,
    sender: Sender,
    ledger: Ledger,
    terms: VaultTerms,
    number: int,
    symbol: str,
    others: Sequence[int],
) -> None:
    asset, token = _find(symbol), chain.find_token(symbol)
    hourly, line = (cap * WAD // asset.price for cap in (terms.hourly_cap, terms.line_cap))
    caps = (hourly, hourly, hourly, hourly)
    rules = (asset.ltv, asset.threshold)
    bounds = (asset.price // _BOUND, asset.price * _BOUND)
    sender.post(ledger.vault, _SET_ASSET, number, token.address, *rules, caps)
    sender.post(ledger.vault, _SET_FEED, number, token.feed, HEARTBEAT_S, *bounds)
    sender.post(ledger.pool, _SET_CURVE, number, _CURVE)
    for other in others:
        for incoming in (False, True):
            sender.post(ledger.vault, _SET_LINE_CAP, other, number, incoming, line)


def _find(symbol: str) -> Asset:
    return next(asset for asset in ASSETS if asset.symbol == symbol)


def seal_vault(chain: LiveChain, ledger: Ledger, *, seizure: Address, notary: Address) -> None:
    """Give the vault its seizure and notary and the timelock its power, for good."""
    sender = Sender(chain)
    sender.post(ledger.vault, "seal(address,address,address)", seizure, notary, ledger.timelock)
    sender.flush()


def supply_vault(chain: LiveChain, ledger: Ledger, usd: int) -> None:
    """Lend so much (USD x 1e8) of each asset as the chain's owner: there is what to borrow then."""
    sender = Sender(chain)
    for number, symbol in enumerate(VAULT_ASSETS):
        token = chain.find_token(symbol)
        amount = usd * 10**token.decimals // _find(symbol).price
        sender.post(token.address, "approve(address,uint256)", ledger.pool, amount)
        sender.post(ledger.pool, "supply(uint8,uint256)", number, amount)
    sender.flush()


def deploy_notary(
    chain: LiveChain, terms: VaultTerms, verifier: Address, prover: Address = ZERO
) -> Address:
    """Deploy a notary that goes by a verifier; without a prover no chain is ever anchored."""
    delays = (terms.rotation_delay_s, terms.successor_delay_s, terms.lost_delay_s)
    return chain.deploy(compile_vault("notary"), terms.salt, verifier, prover, *delays)


def seal_notary(
    chain: LiveChain,
    notary: Address,
    *,
    ledger: Ledger,
    seizure: Address,
    peers: Mapping[int, tuple[Address, Address]],
) -> None:
    """Tell a notary whose it is, and the other chains' vaults and seizures by chain id."""
    listed = [(number, *contracts) for number, contracts in peers.items()]
    sender = Sender(chain)
    signature = "seal(address,address,address,(uint64,address,address)[])"
    sender.post(notary, signature, ledger.timelock, ledger.vault, seizure, listed)
    sender.flush()


def deploy_seizure(
    chain: LiveChain, terms: SeizureTerms, ledger: Ledger, notary: Address
) -> tuple[Address, Address]:
    """Deploy seizure and judge, sealed with each other; the vault is not told of them yet."""
    seizure = chain.deploy(compile_vault("seizure"))
    judge = chain.deploy(compile_vault("judge"), astuple(terms))
    sender = Sender(chain)
    for one, partner in ((seizure, judge), (judge, seizure)):
        signature = "seal(address,address,address,address)"
        sender.post(one, signature, ledger.vault, notary, partner, ledger.timelock)
    sender.flush()
    return seizure, judge


def deploy_vaults(
    chains: Sequence[tuple[LiveChain, Address]], terms: VaultTerms
) -> Mapping[int, VaultContracts]:
    """Deploy everything on every chain, given with its verifier; gives it all by chain id."""
    numbers = [chain.deployment.number for chain, _ in chains]
    placed: dict[int, VaultContracts] = {}
    for chain, verifier in chains:
        own = chain.deployment.number
        ledger = deploy_ledger(chain, terms, [number for number in numbers if number != own])
        notary = deploy_notary(chain, terms, verifier, chain.deploy(compile_vault("prover")))
        seizure, judge = deploy_seizure(chain, terms.seizure, ledger, notary)
        seal_vault(chain, ledger, seizure=seizure, notary=notary)
        placed[own] = VaultContracts(
            ledger=ledger, notary=notary, seizure=seizure, judge=judge, verifier=verifier
        )
    for chain, _ in chains:
        own = chain.deployment.number
        here = placed[own]
        peers = {n: (o.ledger.vault, o.seizure) for n, o in placed.items() if n != own}
        seal_notary(chain, here.notary, ledger=here.ledger, seizure=here.seizure, peers=peers)
    return placed
