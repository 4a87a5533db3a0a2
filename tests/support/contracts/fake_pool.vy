# pragma version 0.4.3
"""
@title A pool that answers what a mandate's pool is asked when it is set, its own registry, and an
       oracle in another unit than dollars and without prices
"""

struct ReserveData:
    configuration: uint256
    zeros: uint256[7]
    aTokenAddress: address
    rest: uint256[6]


getPool: public(address)


@deploy
def __init__(registered: bool):
    if registered:
        self.getPool = self


@external
@view
def ADDRESSES_PROVIDER() -> address:
    return self


@external
@view
def getReserveData(asset: address) -> ReserveData:
    return ReserveData(
        configuration=0, zeros=empty(uint256[7]), aTokenAddress=self, rest=empty(uint256[6])
    )


@external
@view
def getPriceOracle() -> address:
    return self


@external
@view
def BASE_CURRENCY_UNIT() -> uint256:
    return 10**18


@external
@view
def getAssetPrice(asset: address) -> uint256:
    return 0
