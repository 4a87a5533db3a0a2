"""The functions and events of Aave v3's contracts that are used here.

Source: IPool.sol, IPoolAddressesProvider.sol, IAaveOracle.sol, IPriceOracleSentinel.sol,
IScaledBalanceToken.sol, IStableDebtToken.sol of @aave/core-v3 and @aave-dao/aave-v3-origin.
"""

from typing import Final

from eth_utils.crypto import keccak

from chains.evm.abi.function import Function

_ADDRESS: Final = ("address",)
_UINT: Final = ("uint256",)

POOL_REVISION: Final = Function("POOL_REVISION", (), _UINT)
ADDRESSES_PROVIDER: Final = Function("ADDRESSES_PROVIDER", (), _ADDRESS)
GET_RESERVES_LIST: Final = Function("getReservesList", (), ("address[]",))
GET_RESERVE_DATA: Final = Function(
    "getReserveData",
    _ADDRESS,
    (
        "uint256",  # configuration
        "uint128",  # liquidityIndex
        "uint128",  # currentLiquidityRate
        "uint128",  # variableBorrowIndex
        "uint128",  # currentVariableBorrowRate
        "uint128",  # currentStableBorrowRate
        "uint40",  # lastUpdateTimestamp
        "uint16",  # id
        "address",  # aTokenAddress
        "address",  # stableDebtTokenAddress
        "address",  # variableDebtTokenAddress
        "address",  # interestRateStrategyAddress
        "uint128",  # accruedToTreasury
        "uint128",  # unbacked
        "uint128",  # isolationModeTotalDebt
    ),
)
GET_GRACE_PERIOD: Final = Function("getLiquidationGracePeriod", _ADDRESS, ("uint40",))
GET_CATEGORY: Final = Function(
    "getEModeCategoryData", ("uint8",), ("(uint16,uint16,uint16,address,string)",)
)
GET_CATEGORY_TERMS: Final = Function(
    "getEModeCategoryCollateralConfig", ("uint8",), ("uint16", "uint16", "uint16")
)
GET_CATEGORY_COLLATERALS: Final = Function(
    "getEModeCategoryCollateralBitmap", ("uint8",), ("uint128",)
)
GET_CATEGORY_LTV_ZERO: Final = Function("getEModeCategoryLtvzeroBitmap", ("uint8",), ("uint128",))

GET_USER_CONFIGURATION: Final = Function("getUserConfiguration", _ADDRESS, _UINT)
GET_USER_CATEGORY: Final = Function("getUserEMode", _ADDRESS, _UINT)
GET_USER_ACCOUNT_DATA: Final = Function("getUserAccountData", _ADDRESS, _UINT * 6)

LIQUIDATION_CALL: Final = Function(
    "liquidationCall", ("address", "address", "address", "uint256", "bool")
)

GET_PRICE_ORACLE: Final = Function("getPriceOracle", (), _ADDRESS)
GET_SENTINEL: Final = Function("getPriceOracleSentinel", (), _ADDRESS)
IS_LIQUIDATION_ALLOWED: Final = Function("isLiquidationAllowed", (), ("bool",))

GET_ASSET_PRICE: Final = Function("getAssetPrice", _ADDRESS, _UINT)
GET_SOURCE: Final = Function("getSourceOfAsset", _ADDRESS, _ADDRESS)
BASE_CURRENCY_UNIT: Final = Function("BASE_CURRENCY_UNIT", (), _UINT)

SCALED_BALANCE_OF: Final = Function("scaledBalanceOf", _ADDRESS, _UINT)
PRINCIPAL_BALANCE_OF: Final = Function("principalBalanceOf", _ADDRESS, _UINT)
GET_STABLE_RATE: Final = Function("getUserStableRate", _ADDRESS, _UINT)
GET_STABLE_UPDATED: Final = Function("getUserLastUpdated", _ADDRESS, ("uint40",))

BORROW_TOPIC: Final = keccak(text="Borrow(address,address,address,uint256,uint8,uint256,uint16)")
