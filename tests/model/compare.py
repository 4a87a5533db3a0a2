"""Whether a real chain is what the model says it is: amounts, lines, orders, facts and money."""

from typing import Final

from chains.evm.protocols.plimsoll_vault.state import Open
from proofs.vaults import FactKind, Order
from tests.model.judging import judge_account
from tests.model.stage import Stage
from tests.model.state import ASSETS, Account, Local, State
from tests.model.state import Order as ModelOrder
from tests.model.world import World
from tests.support.seizing import OPEN, closed_key
from tests.support.vaults import VaultChain, line_key

_LEGS: Final = "((uint256[],uint256[],uint256[],uint256[],uint256[]))"
_POOL: Final = f"(({','.join(['uint256'] * 9)}))"


def compare(
    stage: Stage,
    chain: int,
    world: World,
    state: State,
    orders: dict[ModelOrder, Order],
) -> None:
    """Raise AssertionError where a chain and the model differ."""
    local, place = world.head(state, chain), stage.place(chain)
    for number, account in enumerate(local.accounts):
        name = stage.accounts[number]
        _compare_legs(place, name, account)
        _compare_lines(stage, place, name, account, chain)
        _compare_orders(stage, place, name, account)
        judged = judge_account(world.rules, local, number)
        (_, high) = stage.story(number).health(place)
        _agree("HF_high", high, judged.high)
    _compare_money(place, local)
    for known in local.registered:
        word = int(place.ask(place.seizure, "registered(bytes32)", orders[known.order].id))
        _agree("registered", word, 1 | known.fills << 8 | known.filled << 64)
    for ended in local.closed:
        word = place.fact(closed_key(orders[ended.order]), of_seizure=True)
        _agree("closed", word, 1 | ended.fills << 8 | ended.filled << 64)


def _compare_legs(place: VaultChain, name: bytes, account: Account) -> None:
    found = place.ask(place.vault, "legs(bytes32)", name, returns=_LEGS)
    legs = account.legs
    told = (legs.collateral, legs.debt, legs.locked, legs.lines_in, legs.lines_out)
    _agree("legs", tuple(tuple(values) for values in found), told)


def _compare_lines(
    stage: Stage, place: VaultChain, name: bytes, account: Account, chain: int
) -> None:
    other = 1 - chain
    there = stage.place(other)
    for asset in ASSETS:
        raised = place.fact(line_key(FactKind.RAISED, name, place, there, asset))
        lowered = place.fact(line_key(FactKind.LOWERED, name, there, place, asset))
        _agree("raised", raised, account.raised[other][asset])
        _agree("lowered", lowered, account.lowered[other][asset])


def _compare_orders(stage: Stage, place: VaultChain, name: bytes, account: Account) -> None:
    (found,) = place.chain.call(place.seizure, "open(bytes32)", name, returns=f"({OPEN}[])")
    numbers = [chain.number for chain in stage.ground.chains]
    _agree("orders", len(found), len(account.held))
    for values, held in zip(found, account.held, strict=True):
        real = dict(zip(Open.__dataclass_fields__, values, strict=True))
        for field in ("locked", "left", "margin", "line_units", "robbed", "released", "resting"):
            _agree(field, real[field], getattr(held, field))
        _agree("debt chain", real["debt_chain"], numbers[held.debt_chain])
        _agree("bonus", real["bonus_bps"], held.bonus_bps)


def _compare_money(place: VaultChain, local: Local) -> None:
    for asset in ASSETS:
        pool = place.ask(place.pool, "pool(uint8)", asset, returns=_POOL)
        _agree("cash", pool[0], local.cash[asset])
        for keeper in (place.vault, place.pool):
            held = place.balance(asset, keeper)
            _agree("custody", held, place.ask(keeper, "custody(uint8)", asset))


def _agree(what: str, chain: object, model: object) -> None:
    if chain != model:
        raise AssertionError(f"{what}: the chain has {chain}, the model {model}")
