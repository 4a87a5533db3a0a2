"""Builds both chains once and keeps their state in the cache.

A build is named by the hash of all it depends on: the npm and Python locks, our Vyper feed and
the code that deploys. It takes 20–40 s, most of it the Solidity compiler; taking it from the cache
is a matter of reading two JSON files. Our own contracts are not in it: what they are deployed with
is known only when a devnet is started (`own.py`).
"""

import gzip
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from chains.model.ids import Address
from chains.model.units import USD
from daemon.devnet.aave_v30 import deploy_aave_v30, load_core
from daemon.devnet.aave_v36 import deploy_aave_v36, load_aave_v36
from daemon.devnet.anvil import Anvil
from daemon.devnet.artifacts import ROOT, load_multicall3
from daemon.devnet.cache import find_cache, lock_cache, write_whole
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import (
    ASSETS,
    CHAINS,
    DEPLOYMENT_JSON,
    FEED_DECIMALS,
    MULTICALL3,
    AaveMarket,
    ChainDeployment,
    ChainTerms,
    Token,
)
from daemon.devnet.uniswap import deploy_uniswap
from daemon.devnet.vyper_build import CONTRACTS, compile_vyper

Progress = Callable[[str], None]

_HOLDINGS: Final = 10**9
"""Whole tokens the owner holds: pools, supply and every later shock are paid from them."""
_SUPPLY_USD: Final = 100_000_000 * USD
"""What the owner lends of each asset, so that borrowers find liquidity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltChain:
    """A chain in the cache: anvil's state file and what it holds."""

    state: Path
    deployment: ChainDeployment


def build_devnet(progress: Progress) -> tuple[BuiltChain, ...]:
    """Give both chains from the cache, building what is missing.

    Safe for several builders at once: one builds, the others wait and read.
    """
    folder = find_cache() / f"devnet-{_key()[:16]}"
    with lock_cache():
        for terms in CHAINS:
            if not (folder / f"{terms.name}.json").exists():
                progress(f"building chain {terms.number} ({terms.name}) with Aave v{terms.aave}")
                _build_chain(terms, folder, progress)
    return tuple(_read_built(terms, folder) for terms in CHAINS)


def _key() -> str:
    here = Path(__file__).parent
    locks = (ROOT / "package-lock.json", ROOT / "requirements.lock", CONTRACTS / "feed.vy")
    code = (
        *("aave.py", "aave_v30.py", "aave_v36.py", "anvil.py", "artifacts.py", "build.py"),
        *("child.py", "compile.cjs", "deploy.py", "deployment.py", "solc.py", "uniswap.py"),
        "vyper_build.py",
    )
    digest = sha256()
    for path in (*locks, *(here / name for name in code)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read_built(terms: ChainTerms, folder: Path) -> BuiltChain:
    deployment = DEPLOYMENT_JSON.validate_json((folder / f"{terms.name}.json").read_bytes())
    return BuiltChain(state=folder / f"{terms.name}.state.json", deployment=deployment)


def _build_chain(terms: ChainTerms, folder: Path, progress: Progress) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="plimsoll-build-") as scratch,
        Anvil.start(
            chain_id=terms.number, folder=Path(scratch) / terms.name, automine=True
        ) as anvil,
    ):
        deployment = _deploy_chain(terms, anvil, progress)
        packed = bytes.fromhex(anvil.rpc.request("anvil_dumpState")[2:])
    write_whole(folder / f"{terms.name}.state.json", gzip.decompress(packed))
    write_whole(folder / f"{terms.name}.json", DEPLOYMENT_JSON.dump_json(deployment))


def _deploy_chain(terms: ChainTerms, anvil: Anvil, progress: Progress) -> ChainDeployment:
    owner = Address(anvil.rpc.request("eth_accounts")[terms.deployer].lower())
    deployer = Deployer(anvil.rpc, owner)
    _deploy_multicall3(deployer)
    tokens = _deploy_tokens(deployer)
    market = _deploy_market(terms, deployer, tokens, progress)
    _supply(deployer, market, tokens)
    return ChainDeployment(
        name=terms.name,
        number=terms.number,
        base_fee_wei=terms.base_fee_wei,
        owner=owner,
        multicall3=MULTICALL3,
        tokens=tokens,
        aave=market,
        uniswap=deploy_uniswap(deployer, tokens),
    )


def _deploy_market(
    terms: ChainTerms, deployer: Deployer, tokens: dict[str, Token], progress: Progress
) -> AaveMarket:
    match terms.aave:
        case "3.6":
            return deploy_aave_v36(deployer, tokens, load_aave_v36(progress))
        case "3.0":
            return deploy_aave_v30(deployer, tokens)
        case unknown:
            raise ValueError(f"no deployment of Aave v{unknown}")


def _deploy_multicall3(deployer: Deployer) -> None:
    """Put Multicall3 where every public chain has it."""
    made = deployer.deploy(load_multicall3())
    code = deployer.rpc.request("eth_getCode", made, "latest")
    deployer.rpc.request("anvil_setCode", MULTICALL3, code)


def _deploy_tokens(deployer: Deployer) -> dict[str, Token]:
    feed = compile_vyper(CONTRACTS / "feed.vy")
    erc20 = load_core("mocks/tokens/MintableERC20")
    tokens = {}
    for asset in ASSETS:
        token = deployer.deploy(erc20, asset.symbol, asset.symbol, asset.decimals)
        held = _HOLDINGS * 10**asset.decimals
        deployer.send(token, "mint(address,uint256)", deployer.sender, held)
        name = f"{asset.symbol} / USD"
        tokens[asset.symbol] = Token(
            symbol=asset.symbol,
            decimals=asset.decimals,
            address=token,
            feed=deployer.deploy(feed, FEED_DECIMALS, asset.price, name),
            reference_feed=deployer.deploy(feed, FEED_DECIMALS, asset.price, f"{name} reference"),
        )
    return tokens


def _supply(deployer: Deployer, market: AaveMarket, tokens: dict[str, Token]) -> None:
    for asset in ASSETS:
        token = tokens[asset.symbol].address
        units = _SUPPLY_USD * 10**asset.decimals // asset.price
        deployer.send(token, "approve(address,uint256)", market.pool, 2**256 - 1)
        deployer.send(
            market.pool,
            "supply(address,uint256,address,uint16)",
            *(token, units, deployer.sender, 0),
        )
