"""The steps that every Aave v3 version shares: registry, roles, oracle, reserve terms.

Order and arguments follow aave-v3-origin's deployment procedures (src/deployments/contracts/
procedures), which core-v3's own deploy scripts share for these steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chains.model.ids import Address
from chains.model.units import USD
from daemon.devnet.artifacts import Artifact
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import (
    ASSETS,
    LIQUIDATION_PROTOCOL_FEE,
    RESERVE_FACTOR,
    ZERO,
    Token,
)

_ROLES: Final = ("addPoolAdmin", "addEmergencyAdmin", "addAssetListingAdmin", "addRiskAdmin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The parts that stand before the pool."""

    provider: Address
    acl: Address
    oracle: Address


def deploy_registry(
    deployer: Deployer,
    tokens: Mapping[str, Token],
    *,
    provider: Artifact,
    acl: Artifact,
    oracle: Artifact,
) -> Registry:
    """Deploy the addresses provider, give the deployer all roles, and set the oracle."""
    registry = deployer.deploy(provider, "Plimsoll devnet", deployer.sender)
    deployer.send(registry, "setACLAdmin(address)", deployer.sender)
    manager = deployer.deploy(acl, registry)
    deployer.send(registry, "setACLManager(address)", manager)
    for role in _ROLES:
        deployer.send(manager, f"{role}(address)", deployer.sender)
    prices = deployer.deploy(
        oracle,
        registry,
        [token.address for token in tokens.values()],
        [token.feed for token in tokens.values()],
        ZERO,
        ZERO,
        USD,
    )
    deployer.send(registry, "setPriceOracle(address)", prices)
    return Registry(provider=registry, acl=manager, oracle=prices)


def configure_reserves(
    deployer: Deployer, configurator: Address, tokens: Mapping[str, Token]
) -> None:
    """Let every asset be collateral, borrowed and flash-lent at its terms."""
    for asset in ASSETS:
        token = tokens[asset.symbol].address
        deployer.send(
            configurator,
            "configureReserveAsCollateral(address,uint256,uint256,uint256)",
            *(token, asset.ltv, asset.threshold, asset.bonus),
        )
        deployer.send(configurator, "setReserveBorrowing(address,bool)", *(token, True))
        deployer.send(configurator, "setReserveFactor(address,uint256)", token, RESERVE_FACTOR)
        deployer.send(configurator, "setReserveFlashLoaning(address,bool)", *(token, True))
        deployer.send(
            configurator,
            "setLiquidationProtocolFee(address,uint256)",
            *(token, LIQUIDATION_PROTOCOL_FEE),
        )
