"""liquidator.vy on real Aave v3.6 and v3.0 with real Uniswap v3: profit, guards, refusals."""

import pytest

from chains.evm.calldata import encode_call
from chains.evm.liquidator import plan_swap_quote
from chains.evm.multicall import ViewResult
from chains.model.action import Call
from chains.model.ids import Address
from daemon.devnet.vyper_build import CONTRACTS, compile_vyper
from tests.support.devnet import Devnet
from tests.support.liquidator import BORROWER, OPERATOR, PROFITEER, Yard, open_yard
from tests.support.rescue import STRANGER, make_odd, refused

pytestmark = pytest.mark.net

DOLLAR = 10**6
ETHER = 10**18


@pytest.fixture(params=["cheap", "dear"])
def yard(devnet: Devnet, request: pytest.FixtureRequest) -> Yard:
    """The borrower owes 14 000 USDC against 10 WETH at 1650: HF 0.972."""
    yard = open_yard(getattr(devnet, request.param))
    yard.open_borrower({"WETH": 10 * ETHER}, "USDC", 14_000 * DOLLAR)
    yard.chain.set_price("WETH", 1650)
    return yard


def holdings(yard: Yard, holder: Address) -> dict[str, int]:
    return {symbol: yard.chain.balance(symbol, holder) for symbol in ("WETH", "USDC", "WBTC")}


def test_a_liquidation_pays_the_owner_and_leaves_nothing_behind(yard: Yard) -> None:
    done = yard.liquidate(["WETH", "USDC"], 7_000 * DOLLAR)
    assert 290 * DOLLAR < done.profit < 315 * DOLLAR
    assert holdings(yard, PROFITEER) == {"WETH": 0, "USDC": done.profit, "WBTC": 0}
    assert holdings(yard, yard.liquidator) == {"WETH": 0, "USDC": 0, "WBTC": 0}
    assert (done.user, done.units) == (BORROWER, 7_000 * DOLLAR)
    assert yard.allowance("USDC", yard.pool) == 0
    assert yard.allowance("WETH", yard.chain.deployment.uniswap.router) == 0


def test_what_the_pool_does_not_take_goes_back(yard: Yard) -> None:
    """Half of the debt may be repaid: the rest of the loan is returned unused."""
    done = yard.liquidate(["WETH", "USDC"], 12_000 * DOLLAR)
    assert 280 * DOLLAR < done.profit < 315 * DOLLAR
    assert yard.chain.balance("USDC", yard.liquidator) == 0
    assert yard.allowance("USDC", yard.pool) == 0


def test_a_path_may_have_several_hops(yard: Yard) -> None:
    done = yard.liquidate(["WETH", "WBTC", "USDC"], 7_000 * DOLLAR)
    assert 285 * DOLLAR < done.profit < 312 * DOLLAR


def test_collateral_and_debt_may_be_one_token(devnet: Devnet) -> None:
    for chain in devnet.chains:
        yard = open_yard(chain)
        held = {"WETH": 5 * ETHER, "USDC": 10_000 * DOLLAR}
        yard.open_borrower(held, "WETH", 7 * ETHER)
        chain.set_price("WETH", 3_400, protocol_only=True)
        done = yard.liquidate(["WETH"], 3 * ETHER)
        assert 13 * ETHER // 100 < done.profit < 14 * ETHER // 100
        assert chain.balance("WETH", PROFITEER) == done.profit


def test_too_little_profit_undoes_everything(yard: Yard) -> None:
    before = holdings(yard, BORROWER), yard.chain.balance("USDC", yard.liquidator)
    assert (
        refused(yard.liquidate, ["WETH", "USDC"], 7_000 * DOLLAR, min_profit=320 * DOLLAR)
        == "profit"
    )
    assert (holdings(yard, BORROWER), yard.chain.balance("USDC", yard.liquidator)) == before


def test_the_least_profit_may_be_all_of_it(yard: Yard) -> None:
    name = yard.chain.snapshot()
    profit = yard.liquidate(["WETH", "USDC"], 7_000 * DOLLAR).profit
    yard.chain.revert(name)
    yard.chain.set_price("WETH", 1650)
    again = yard.liquidate(["WETH", "USDC"], 7_000 * DOLLAR, min_profit=profit - DOLLAR // 10)
    assert again.profit == pytest.approx(profit, rel=1e-4)


def test_a_sale_at_a_loss_is_refused_though_tokens_lie_here(yard: Yard) -> None:
    yard.chain.mint("USDC", yard.liquidator, 10_000 * DOLLAR)
    yard.chain.set_price("WETH", 1300)
    yard.chain.set_price("WETH", 1650, protocol_only=True)
    assert refused(yard.liquidate, ["WETH", "USDC"], 7_000 * DOLLAR, min_profit=0) == "profit"


def test_stray_tokens_are_no_profit_but_the_owner_may_have_them(yard: Yard) -> None:
    yard.chain.mint("USDC", yard.liquidator, 500 * DOLLAR)
    yard.chain.mint("WETH", yard.liquidator, ETHER)
    done = yard.liquidate(["WETH", "USDC"], 7_000 * DOLLAR)
    assert done.profit < 315 * DOLLAR
    assert holdings(yard, yard.liquidator) == {"WETH": ETHER, "USDC": 500 * DOLLAR, "WBTC": 0}
    sweep = sweeping(yard, "WETH")
    assert refused(yard.chain.send_call, sweep, sender=STRANGER) == "operator"
    yard.chain.send_call(sweep, sender=OPERATOR)
    assert holdings(yard, PROFITEER) == {"WETH": ETHER, "USDC": done.profit, "WBTC": 0}


def sweeping(yard: Yard, symbol: str) -> Call:
    """Build the call that sends stray tokens to the contract's owner."""
    data = encode_call("sweep", ["address"], [yard.token(symbol)])
    return Call(target=yard.liquidator, data=data)


def test_a_healthy_borrower_is_refused_with_the_pools_own_reason(yard: Yard) -> None:
    yard.chain.set_price("WETH", 1800)
    reason = refused(yard.liquidate, ["WETH", "USDC"], 7_000 * DOLLAR)
    assert reason in ("45", "HealthFactorNotBelowThreshold()")


def test_a_late_transaction_is_refused(yard: Yard) -> None:
    past = yard.now
    assert (
        refused(yard.liquidate, ["WETH", "USDC"], 7_000 * DOLLAR, deadline=past - 1) == "deadline"
    )


def test_only_operator_and_owner_may_liquidate(yard: Yard) -> None:
    assert refused(yard.liquidate, ["WETH", "USDC"], 1_000 * DOLLAR, sender=STRANGER) == "operator"
    assert yard.liquidate(["WETH", "USDC"], 2_000 * DOLLAR, sender=PROFITEER).profit > 0


def test_the_owner_alone_names_the_operator(yard: Yard) -> None:
    call = Call(target=yard.liquidator, data=encode_call("set_operator", ["address"], [STRANGER]))
    for sender in (STRANGER, OPERATOR):
        assert refused(yard.chain.send_call, call, sender=sender) == "owner"
    yard.chain.send_call(call, sender=PROFITEER)
    assert refused(yard.liquidate, ["WETH", "USDC"], 2_000 * DOLLAR) == "operator"
    assert yard.liquidate(["WETH", "USDC"], 2_000 * DOLLAR, sender=STRANGER).profit > 0


def test_only_the_pools_of_the_deployment_are_used(yard: Yard) -> None:
    other = yard.chain.deployment.aave.provider
    assert refused(yard.liquidate, ["WETH", "USDC"], DOLLAR, pool=other) == "pool"


def test_a_path_must_lead_from_collateral_to_debt(yard: Yard) -> None:
    good = yard.path(["WETH", "USDC"])
    for path in (b"", good[:-1], good + b"\0", yard.path(["USDC", "WETH"]), good[:20]):
        assert refused(yard.liquidate, ["WETH", "USDC"], DOLLAR, path=path) == "path"
    twice = yard.path(["WETH", "USDC", "WETH"])
    assert refused(yard.liquidate, ["WETH"], ETHER, path=twice) == "path"


def test_a_stranger_cannot_call_the_callback(yard: Yard) -> None:
    callback = "executeOperation(address,uint256,uint256,address,bytes)"
    values = (yard.token("USDC"), DOLLAR, 0, yard.liquidator, b"")
    for sender in (STRANGER, yard.pool):
        assert refused(yard.chain.send, yard.liquidator, callback, *values, sender=sender) == "pool"


def test_a_stranger_cannot_have_the_pool_call_back(yard: Yard) -> None:
    loan = "flashLoanSimple(address,address,uint256,bytes,uint16)"
    values = (yard.liquidator, yard.token("USDC"), DOLLAR, b"", 0)
    assert refused(yard.chain.send, yard.pool, loan, *values, sender=STRANGER) == "pool"


def test_a_foreign_loan_inside_a_liquidation_is_refused(yard: Yard) -> None:
    """The lent token calls the pool before the callback that is awaited."""
    token = odd_usdc(yard)
    types = ["address", "address", "uint256", "bytes", "uint16"]
    payload = encode_call(
        "flashLoanSimple", types, (yard.liquidator, yard.token("WBTC"), 1, b"", 0)
    )
    yard.chain.send(token, "attack(address,bytes)", yard.pool, payload)
    assert yard.liquidate(["WETH", "USDC"], 7_000 * DOLLAR).profit > 0
    entered, answer = (
        yard.chain.call(token, f"{name}()", returns=kind)[0]
        for name, kind in (("entered", "(uint256)"), ("answer", "(bytes)"))
    )
    assert entered == 0
    assert b"initiator" in answer


@pytest.mark.parametrize("oddity", ["be_silent()", "be_strict()"])
def test_tokens_that_are_silent_or_strict_serve(yard: Yard, oddity: str) -> None:
    yard.chain.send(odd_usdc(yard), oddity)
    for units in (800, 12_000):
        assert yard.liquidate(["WETH", "USDC"], units * DOLLAR).profit > 0


@pytest.mark.parametrize("name", ["sweep", "liquidate"])
def test_an_operator_cannot_act_within_a_liquidation(yard: Yard, name: str) -> None:
    """The lent token is the operator, so that only the lock stops it."""
    token = odd_usdc(yard)
    named = Call(target=yard.liquidator, data=encode_call("set_operator", ["address"], [token]))
    yard.chain.send_call(named, sender=PROFITEER)
    inner = {
        "sweep": sweeping(yard, "WETH"),
        "liquidate": yard.build(["WETH", "USDC"], 100 * DOLLAR),
    }[name]
    yard.chain.send(token, "attack(address,bytes)", yard.liquidator, inner.data)
    assert yard.liquidate(["WETH", "USDC"], 800 * DOLLAR, sender=PROFITEER).profit > 0
    assert yard.chain.call(token, "attempts()", returns="(uint256)") == (1,)
    assert yard.chain.call(token, "entered()", returns="(uint256)") == (0,)
    yard.chain.send_call(inner, sender=token)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, "0x" + "00" * 20, "owner"),
        (2, [], "pools"),
        (2, [STRANGER], "pools"),
        (3, STRANGER, "router"),
    ],
)
def test_a_deployment_that_makes_no_sense_is_refused(
    devnet: Devnet, place: int, value: object, reason: str
) -> None:
    chain = devnet.cheap
    args: list[object] = [
        *(PROFITEER, OPERATOR),
        *([chain.deployment.aave.pool], chain.deployment.uniswap.router),
    ]
    args[place] = value
    assert refused(chain.deploy, compile_vyper(CONTRACTS / "liquidator.vy"), *args) == reason


def odd_usdc(yard: Yard) -> Address:
    token = make_odd(yard.chain, "USDC")
    for holder in holders_of_usdc(yard):
        yard.chain.mint("USDC", holder, 10**8 * DOLLAR)
    return token


def holders_of_usdc(yard: Yard) -> list[Address]:
    types = "(" + ",".join(["uint256"] * 8 + ["address"] + ["uint256"] * 6) + ")"
    reserve = yard.chain.call(
        yard.pool, "getReserveData(address)", yard.token("USDC"), returns=types
    )
    pools = [pool.address for pool in yard.chain.deployment.uniswap.pools]
    return [Address(reserve[8]), *pools]


def test_a_quote_is_what_the_sale_brings(yard: Yard) -> None:
    plan = plan_swap_quote(
        yard.chain.deployment.uniswap.quoter, yard.path(["WETH", "WBTC", "USDC"]), ETHER
    )
    (call,) = plan.calls
    answer = yard.chain.rpc.request(
        "eth_call", {"to": call.target, "data": "0x" + call.data.hex()}, "latest"
    )
    quote = plan.decode([ViewResult(success=True, data=bytes.fromhex(answer[2:]))])
    assert quote is not None
    yard.chain.mint("WETH", STRANGER, ETHER)
    router = yard.chain.deployment.uniswap.router
    yard.chain.approve("WETH", router, STRANGER)
    yard.chain.send(
        router, "exactInput((bytes,address,uint256,uint256))",
        (yard.path(["WETH", "WBTC", "USDC"]), STRANGER, ETHER, 0), sender=STRANGER,
    )  # fmt: skip
    assert yard.chain.balance("USDC", STRANGER) == quote.units_out
    assert 0 < quote.gas < 10**6


def test_a_sale_that_fails_has_no_quote(yard: Yard) -> None:
    plan = plan_swap_quote(yard.chain.deployment.uniswap.quoter, yard.path(["WETH", "USDC"]), 1)
    assert plan.calls[0].allow_failure
    assert plan.decode([ViewResult(success=False, data=b"")]) is None
