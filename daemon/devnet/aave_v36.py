"""Aave v3.6 compiled from npm `@aave-dao/aave-v3-origin` 3.6.0.

Unlike v3.0: the pool implementation takes the rate strategy and is initialised by its proxy, token
implementations take their market in the constructor, there is no stable debt, rate curves are
encoded into `initReserves`, eMode lists collaterals and borrowables apart, and a fresh market's
flash premium is 0. The licence (BUSL) forbids keeping sources or bytecode here: they are built
from npm into the cache.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Final

from eth_abi.abi import encode

from chains.model.ids import Address
from daemon.devnet.aave import Registry, configure_reserves, deploy_registry
from daemon.devnet.artifacts import ROOT, Artifact
from daemon.devnet.cache import find_cache, write_whole
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import EMODE, FLASH_PREMIUM, ZERO, AaveMarket, Token
from daemon.devnet.solc import compile_solidity

_SOURCES: Final = (
    "instances/PoolInstance.sol",
    "instances/PoolConfiguratorInstance.sol",
    "instances/ATokenInstance.sol",
    "instances/VariableDebtTokenInstance.sol",
    "misc/DefaultReserveInterestRateStrategyV2.sol",
    "misc/AaveOracle.sol",
    "protocol/configuration/ACLManager.sol",
    "protocol/configuration/PoolAddressesProvider.sol",
    "helpers/AaveProtocolDataProvider.sol",
)
_REMAPPINGS: Final = (
    "openzeppelin-contracts/contracts/=@openzeppelin/contracts/",
    "openzeppelin-contracts-upgradeable/contracts/=@openzeppelin/contracts-upgradeable/",
    "solidity-utils/=@bgd-labs/solidity-utils/src/",
)
# optimal usage, base rate, slope 1, slope 2, in basis points: the curve given to v3.0
_RATES: Final = (8000, 0, 400, 7500)
_INIT_RESERVES: Final = (
    "initReserves((address,address,address,string,string,string,string,bytes,bytes)[])"
)

Artifacts = Mapping[str, Artifact]


def load_aave_v36(progress: Callable[[str], None]) -> Artifacts:
    """Give v3.6's contracts by name, compiled now or taken from the cache."""
    cached = find_cache() / f"aave-v3.6-{_key()[:16]}.json"
    if not cached.exists():
        progress("compiling Aave v3.6 from npm sources (once, about 20 s)")
        sources = [f"@aave-dao/aave-v3-origin/src/contracts/{name}" for name in _SOURCES]
        built = compile_solidity(sources, remappings=_REMAPPINGS, evm_version="cancun")
        plain = {name: asdict(artifact) for name, artifact in built.items()}
        write_whole(cached, json.dumps(plain).encode())
    return {name: Artifact(**plain) for name, plain in json.loads(cached.read_text()).items()}


def _key() -> str:
    """Hash what the compilation depends on."""
    here = Path(__file__)
    inputs = (ROOT / "package-lock.json", here, here.with_name("solc.py"))
    digest = sha256()
    for path in (*inputs, here.with_name("compile.cjs")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def deploy_aave_v36(
    deployer: Deployer, tokens: Mapping[str, Token], artifacts: Artifacts
) -> AaveMarket:
    """Deploy a whole market over these tokens."""
    registry = deploy_registry(
        deployer,
        tokens,
        provider=artifacts["PoolAddressesProvider"],
        acl=artifacts["ACLManager"],
        oracle=artifacts["AaveOracle"],
    )
    pool, configurator = _deploy_pool(deployer, registry, artifacts)
    data_provider = deployer.deploy(artifacts["AaveProtocolDataProvider"], registry.provider)
    deployer.send(registry.provider, "setPoolDataProvider(address)", data_provider)
    _init_reserves(deployer, pool, configurator, tokens, artifacts)
    configure_reserves(deployer, configurator, tokens)
    deployer.send(configurator, "updateFlashloanPremium(uint128)", FLASH_PREMIUM)
    _add_emode(deployer, configurator, tokens)
    return AaveMarket(
        version="3.6",
        provider=registry.provider,
        acl=registry.acl,
        oracle=registry.oracle,
        pool=pool,
        configurator=configurator,
        data_provider=data_provider,
    )


def _deploy_libraries(
    deployer: Deployer, artifacts: Artifacts, name: str, done: dict[str, Address]
) -> None:
    """Deploy what `name` links, deepest first."""
    for library in artifacts[name].links:
        if library not in done:
            _deploy_libraries(deployer, artifacts, library, done)
            done[library] = deployer.deploy(artifacts[library], libraries=done)


def _deploy_pool(
    deployer: Deployer, registry: Registry, artifacts: Artifacts
) -> tuple[Address, Address]:
    libraries: dict[str, Address] = {}
    _deploy_libraries(deployer, artifacts, "PoolInstance", libraries)
    _deploy_libraries(deployer, artifacts, "PoolConfiguratorInstance", libraries)
    provider = registry.provider
    rates = deployer.deploy(artifacts["DefaultReserveInterestRateStrategyV2"], provider)
    pool = deployer.deploy(artifacts["PoolInstance"], provider, rates, libraries=libraries)
    deployer.send(provider, "setPoolImpl(address)", pool)
    configurator = deployer.deploy(artifacts["PoolConfiguratorInstance"], libraries=libraries)
    deployer.send(provider, "setPoolConfiguratorImpl(address)", configurator)
    return (
        deployer.read_address(provider, "getPool()"),
        deployer.read_address(provider, "getPoolConfigurator()"),
    )


def _init_reserves(
    deployer: Deployer,
    pool: Address,
    configurator: Address,
    tokens: Mapping[str, Token],
    artifacts: Artifacts,
) -> None:
    held = deployer.deploy(artifacts["ATokenInstance"], pool, ZERO, deployer.sender)
    owed = deployer.deploy(artifacts["VariableDebtTokenInstance"], pool, ZERO)
    rates = encode(["(uint16,uint32,uint32,uint32)"], [_RATES])
    reserves = []
    for token in tokens.values():
        names = [prefix + token.symbol for prefix in ("a", "a", "v", "v")]
        reserves.append((held, owed, token.address, *names, b"\x10", rates))
    deployer.send(configurator, _INIT_RESERVES, reserves)


def _add_emode(deployer: Deployer, configurator: Address, tokens: Mapping[str, Token]) -> None:
    deployer.send(
        configurator,
        "setEModeCategory(uint8,uint16,uint16,uint16,string)",
        *(EMODE.category, EMODE.ltv, EMODE.threshold, EMODE.bonus, EMODE.label),
    )
    for symbol in EMODE.symbols:
        for side in ("setAssetCollateralInEMode", "setAssetBorrowableInEMode"):
            deployer.send(
                configurator,
                f"{side}(address,uint8,bool)",
                *(tokens[symbol].address, EMODE.category, True),
            )
