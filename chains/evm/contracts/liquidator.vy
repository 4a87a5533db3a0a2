# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll liquidator: flash loan, liquidation, swap, repayment and profit in one transaction
@notice The operator names a borrower in one of the Aave v3 pools fixed at deployment. The debt is
        borrowed by `flashLoanSimple`, the collateral seized is sold on Uniswap v3, the loan is
        repaid, and what is left goes to the owner. The transaction reverts if that is less than
        `min_profit`, so it never costs more than its gas.
@dev Nothing stays here between transactions. Only differences of balances count, so tokens sent
     by mistake are no profit; `sweep` gives them to the owner. The router is Uniswap's
     `SwapRouter02` (swap-router-contracts), whose `exactInput` takes no deadline: the order's own
     is checked here.
"""
from ethereum.ercs import IERC20


interface Pool:
    def flashLoanSimple(
        receiver: address,
        asset: address,
        amount: uint256,
        params: Bytes[MAX_PARAMS],
        referral: uint16,
    ): nonpayable
    def liquidationCall(
        collateral: address, debt: address, user: address, amount: uint256, receive_atoken: bool
    ): nonpayable


interface Router:
    def exactInput(params: ExactInput) -> uint256: nonpayable


struct ExactInput:
    path: Bytes[MAX_PATH]
    recipient: address
    amountIn: uint256
    amountOutMinimum: uint256


struct Order:
    collateral: address
    debt: address
    user: address
    amount: uint256
    # token, then (fee, token) once to four times; empty where collateral and debt are one token
    path: Bytes[MAX_PATH]
    min_profit: uint256
    deadline: uint256


struct Loan:
    order: Order
    collateral_before: uint256
    debt_before: uint256


event Liquidated:
    pool: indexed(address)
    user: indexed(address)
    collateral: address
    debt: indexed(address)
    amount: uint256
    profit: uint256


event OperatorSet:
    operator: indexed(address)


event Swept:
    token: indexed(address)
    amount: uint256


MAX_POOLS: constant(uint256) = 8
HOP: constant(uint256) = 23
MAX_PATH: constant(uint256) = 112
MAX_PARAMS: constant(uint256) = 512

owner: public(immutable(address))
router: public(immutable(address))
operator: public(address)
is_pool: public(HashMap[address, bool])

# The pool whose callback is awaited; taken back as soon as it comes.
awaited: transient(address)


@deploy
def __init__(
    _owner: address, _operator: address, _pools: DynArray[address, MAX_POOLS], _router: address
):
    """
    @param _owner receives the profit, names the operator, may sweep
    @param _operator the hot key that may liquidate
    @param _pools the Aave v3 pools, fixed for ever
    @param _router Uniswap's SwapRouter02
    """
    assert _owner != empty(address), "owner"
    assert len(_pools) > 0, "pools"
    assert _router.is_contract, "router"
    owner = _owner
    router = _router
    self.operator = _operator
    for pool: address in _pools:
        assert pool.is_contract, "pools"
        self.is_pool[pool] = True
    log OperatorSet(operator=_operator)


@external
def set_operator(new: address):
    """
    @notice Name another operator; the zero address leaves none
    @dev Reverts with `owner`
    """
    assert msg.sender == owner, "owner"
    self.operator = new
    log OperatorSet(operator=new)


@external
@nonreentrant
def liquidate(pool: address, order: Order) -> uint256:
    """
    @notice Liquidate a borrower and send the profit to the owner
    @param pool one of the pools fixed at deployment
    @param order what to repay for whom and how to sell; the pool itself lowers an amount above
           what it allows
    @return the profit in units of the debt token
    @dev Reverts with operator, deadline, pool, path, profit, transfer, or the pool's or router's
         own reason
    """
    assert msg.sender == self.operator or msg.sender == owner, "operator"
    assert block.timestamp <= order.deadline, "deadline"
    assert self.is_pool[pool], "pool"
    self._check_path(order)
    before: uint256 = self._balance(order.debt)
    loan: Loan = Loan(
        order=order, collateral_before=self._balance(order.collateral), debt_before=before
    )
    self.awaited = pool
    extcall Pool(pool).flashLoanSimple(self, order.debt, order.amount, abi_encode(loan), 0)
    profit: uint256 = self._balance(order.debt) - before
    assert profit >= order.min_profit, "profit"
    self._send(order.debt, profit)
    log Liquidated(
        pool=pool,
        user=order.user,
        collateral=order.collateral,
        debt=order.debt,
        amount=order.amount,
        profit=profit,
    )
    return profit


@external
def executeOperation(
    asset: address,
    amount: uint256,
    premium: uint256,
    initiator: address,
    params: Bytes[MAX_PARAMS],
) -> bool:
    """
    @notice Aave's flash loan callback: liquidate, sell, and let the pool take the loan back
    @dev Reverts with `pool` unless it is the pool that `liquidate` has just asked, with
         `initiator` unless the loan is this contract's own
    """
    pool: address = self.awaited
    assert pool != empty(address) and msg.sender == pool, "pool"
    assert initiator == self, "initiator"
    self.awaited = empty(address)
    loan: Loan = abi_decode(params, Loan)
    order: Order = loan.order

    self._approve(asset, pool, amount)
    extcall Pool(pool).liquidationCall(order.collateral, asset, order.user, amount, False)
    if order.collateral != asset:
        self._sell(order, self._balance(order.collateral) - loan.collateral_before)
    owed: uint256 = amount + premium
    assert self._balance(asset) >= loan.debt_before + owed, "profit"
    # Some tokens refuse to change an allowance that is not zero.
    self._approve(asset, pool, 0)
    self._approve(asset, pool, owed)
    return True


@external
@nonreentrant
def sweep(token: address) -> uint256:
    """
    @notice Send all of a token that lies here to the owner
    @dev Reverts with operator or transfer
    """
    assert msg.sender == self.operator or msg.sender == owner, "operator"
    amount: uint256 = self._balance(token)
    self._send(token, amount)
    log Swept(token=token, amount=amount)
    return amount


@internal
@pure
def _check_path(_order: Order):
    size: uint256 = len(_order.path)
    if size == 0:
        assert _order.collateral == _order.debt, "path"
        return
    assert size > 20 and (size - 20) % HOP == 0 and _order.collateral != _order.debt, "path"
    first: address = convert(convert(slice(_order.path, 0, 20), bytes20), address)
    last: address = convert(convert(slice(_order.path, size - 20, 20), bytes20), address)
    assert first == _order.collateral and last == _order.debt, "path"


@internal
def _sell(_order: Order, _amount: uint256):
    # No least output is named: the balance after the sale is judged instead.
    self._approve(_order.collateral, router, _amount)
    extcall Router(router).exactInput(
        ExactInput(
            path=_order.path,
            recipient=self,
            amountIn=_amount,
            amountOutMinimum=0,
        )
    )


@internal
@view
def _balance(_token: address) -> uint256:
    return staticcall IERC20(_token).balanceOf(self)


@internal
def _approve(_token: address, _spender: address, _amount: uint256):
    assert extcall IERC20(_token).approve(_spender, _amount, default_return_value=True), "approve"


@internal
def _send(_token: address, _amount: uint256):
    if _amount > 0:
        assert extcall IERC20(_token).transfer(owner, _amount, default_return_value=True), "transfer"
