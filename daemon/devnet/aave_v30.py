"""Aave v3.0 from the artifacts of npm `@aave/core-v3` 1.19.3.

Order: registry → logic libraries (FlashLoanLogic links BorrowLogic) → pool implementation,
initialised → configurator, initialised → data provider → token implementations → rate strategy →
reserves → terms → eMode. `initReserves` takes the token implementations and strategy per asset.
"""

from collections.abc import Mapping
from typing import Final

from chains.model.ids import Address
from daemon.devnet.aave import Registry, configure_reserves, deploy_registry
from daemon.devnet.artifacts import Artifact, load_artifact
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import EMODE, ZERO, AaveMarket, Token

RAY: Final = 10**27
_LIBRARIES: Final = (
    *("SupplyLogic", "BorrowLogic", "LiquidationLogic", "EModeLogic", "BridgeLogic"),
    *("PoolLogic", "ConfiguratorLogic", "FlashLoanLogic"),
)
# optimal usage, base rate, variable slopes 1–2, stable slopes 1–2, stable offset, excess, optimal
# stable share: all in ray, the curve of USDC on the first v3 markets
_RATES: Final = (
    *(80 * RAY // 100, 0, 4 * RAY // 100, 75 * RAY // 100, RAY // 200, 75 * RAY // 100),
    *(RAY // 100, 8 * RAY // 100, RAY // 5),
)
_INIT_RESERVES: Final = (
    "initReserves((address,address,address,uint8,address,address,address,address,"
    "string,string,string,string,string,string,bytes)[])"
)


def load_core(path: str) -> Artifact:
    """Load one of core-v3's artifacts, its folder and name given below `contracts`."""
    name = path.rpartition("/")[2]
    return load_artifact(f"@aave/core-v3/artifacts/contracts/{path}.sol/{name}")


def deploy_aave_v30(deployer: Deployer, tokens: Mapping[str, Token]) -> AaveMarket:
    """Deploy a whole market over these tokens."""
    registry = deploy_registry(
        deployer,
        tokens,
        provider=load_core("protocol/configuration/PoolAddressesProvider"),
        acl=load_core("protocol/configuration/ACLManager"),
        oracle=load_core("misc/AaveOracle"),
    )
    pool, configurator = _deploy_pool(deployer, registry)
    data_provider = deployer.deploy(load_core("misc/AaveProtocolDataProvider"), registry.provider)
    deployer.send(registry.provider, "setPoolDataProvider(address)", data_provider)
    _init_reserves(deployer, registry, pool, configurator, tokens)
    configure_reserves(deployer, configurator, tokens)
    _add_emode(deployer, configurator, tokens)
    return AaveMarket(
        version="3.0",
        provider=registry.provider,
        acl=registry.acl,
        oracle=registry.oracle,
        pool=pool,
        configurator=configurator,
        data_provider=data_provider,
    )


def _deploy_pool(deployer: Deployer, registry: Registry) -> tuple[Address, Address]:
    libraries: dict[str, Address] = {}
    for name in _LIBRARIES:
        artifact = load_core(f"protocol/libraries/logic/{name}")
        libraries[name] = deployer.deploy(artifact, libraries=libraries)
    provider = registry.provider
    pool = deployer.deploy(load_core("protocol/pool/Pool"), provider, libraries=libraries)
    deployer.send(pool, "initialize(address)", provider)
    deployer.send(provider, "setPoolImpl(address)", pool)
    configurator = deployer.deploy(load_core("protocol/pool/PoolConfigurator"), libraries=libraries)
    deployer.send(configurator, "initialize(address)", provider)
    deployer.send(provider, "setPoolConfiguratorImpl(address)", configurator)
    return (
        deployer.read_address(provider, "getPool()"),
        deployer.read_address(provider, "getPoolConfigurator()"),
    )


def _init_reserves(
    deployer: Deployer,
    registry: Registry,
    pool: Address,
    configurator: Address,
    tokens: Mapping[str, Token],
) -> None:
    held = deployer.deploy(load_core("protocol/tokenization/AToken"), pool)
    stable = deployer.deploy(load_core("protocol/tokenization/StableDebtToken"), pool)
    owed = deployer.deploy(load_core("protocol/tokenization/VariableDebtToken"), pool)
    rates = deployer.deploy(
        load_core("protocol/pool/DefaultReserveInterestRateStrategy"), registry.provider, *_RATES
    )
    reserves = []
    for token in tokens.values():
        names = [prefix + token.symbol for prefix in ("a", "a", "v", "v", "s", "s")]
        reserves.append(
            (
                *(held, stable, owed, token.decimals, rates, token.address),
                *(deployer.sender, ZERO, *names, b"\x10"),
            )
        )
    deployer.send(configurator, _INIT_RESERVES, reserves)


def _add_emode(deployer: Deployer, configurator: Address, tokens: Mapping[str, Token]) -> None:
    deployer.send(
        configurator,
        "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
        *(EMODE.category, EMODE.ltv, EMODE.threshold, EMODE.bonus, ZERO, EMODE.label),
    )
    for symbol in EMODE.symbols:
        deployer.send(
            configurator,
            "setAssetEModeCategory(address,uint8)",
            *(tokens[symbol].address, EMODE.category),
        )
