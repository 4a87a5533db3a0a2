"""`rescue.vy` in Python: what owners allow, and the calls that use or change it. Pure.

Source of every shape: contracts/rescue.vy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from chains.evm.calldata import encode_call
from chains.evm.decode import Log
from chains.evm.multicall import ReadPlan, ViewCall, ViewResult
from chains.model.action import Call, Instrument
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.price import Price
from chains.model.snapshot import NOBODY, IdleFund, Mandate, MandateKind
from chains.model.units import Bps, Wad

TERMS: Final = "(address,address,uint8,uint8,address" + ",uint256" * 9 + ")"
UNIFIED_TERMS: Final = "(bytes32,address,uint256,uint256)"
MANDATE_VIEW: Final = f"(bytes32,{TERMS},{UNIFIED_TERMS}" + ",uint256" * 5 + ",uint64)"
ATTESTATION: Final = (
    "(uint16,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,uint64,uint64,bytes32,"
    "uint64,uint64,uint64,uint32,uint8,uint32,uint32,uint256,int256)"
)
RESCUED_TOPIC: Final = keccak(
    text="Rescued(address,bytes32,uint8,address,uint256,uint256,uint256,uint256)"
)
KIND_NUMBERS: Final = {MandateKind.NATIVE: 0, MandateKind.UNIFIED: 1}
INSTRUMENT_BITS: Final = {Instrument.REPAY: 1, Instrument.SUPPLY: 2}
_KINDS: Final = {number: kind for kind, number in KIND_NUMBERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateTerms:
    """What an owner signs: amounts in units of `asset`, times in seconds.

    The last four fields are for unified mandates and stay empty in native ones.
    """

    kind: MandateKind
    pool: Address
    asset: Address
    instruments: frozenset[Instrument]
    keeper: Address
    trigger: Wad
    target: Wad
    per_action: int
    per_day: int
    deadline: int
    min_action: int = 0
    refund_cap: int = 0
    cooldown_s: int = 0
    max_loss_bps: Bps = Bps(0)
    account_set_root: bytes = bytes(32)
    verifier: Address = NOBODY
    max_age_s: int = 0
    slack_bps: Bps = Bps(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What people call a token, and how many units make a whole one."""

    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An owner's balance of a token and what the rescue contract may take of it, in units."""

    asset: AssetId
    balance: int
    allowance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerFunds:
    """An owner's mandates and the tokens behind them; not readable where a token reverts."""

    owner: AccountId
    paused: bool
    holdings: tuple[Holding, ...]
    mandates: tuple[Mandate, ...]
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued:
    """The event of a rescue: units supplied or repaid, and units paid back for gas."""

    owner: Address
    mandate_id: bytes
    instrument: Instrument
    asset: Address
    units: int
    health_before: int
    health_after: int
    refund: int


def calculate_mandate_id(owner: Address, pool: Address, kind: MandateKind, asset: Address) -> bytes:
    """Give the id the contract gives a mandate: one per owner, pool, kind and asset."""
    values = (owner, pool, KIND_NUMBERS[kind], asset)
    return keccak(encode(["address", "address", "uint8", "address"], values))


def plan_funds(
    chain: ChainId, rescue: Address, owners: Sequence[AccountId]
) -> ReadPlan[tuple[OwnerFunds, ...]]:
    """Plan to read the owners' mandates and balances, one view each.

    An owner whose view reverts (a broken token of his own choice) is given as not readable, so
    that he does not hide the others.
    """
    members = tuple(owners)
    contract = AccountId(chain, rescue)

    def decode_all(results: Sequence[ViewResult]) -> tuple[OwnerFunds, ...]:
        return tuple(
            _decode_owner(contract, owner, result)
            for owner, result in zip(members, results, strict=True)
        )

    return ReadPlan(
        calls=tuple(
            ViewCall(
                target=rescue,
                data=encode_call("mandates", ["address"], [owner.evm_address]),
                allow_failure=True,
            )
            for owner in members
        ),
        decode=decode_all,
    )


def join_funds(
    funds: Sequence[OwnerFunds], prices: Mapping[AssetId, Price], tokens: Mapping[AssetId, Token]
) -> tuple[IdleFund, ...]:
    """Give the funds with names and prices; a token without either cannot be valued: left out."""
    return tuple(
        IdleFund(
            owner=owned.owner,
            asset=holding.asset,
            symbol=tokens[holding.asset].symbol,
            decimals=tokens[holding.asset].decimals,
            balance=holding.balance,
            allowance=holding.allowance,
            price=prices[holding.asset],
            mandates=tuple(m for m in owned.mandates if m.asset == holding.asset),
        )
        for owned in funds
        for holding in owned.holdings
        if holding.asset in tokens and holding.asset in prices
    )


def build_native_rescue(
    rescue: Address, *, owner: Address, mandate_id: bytes, instrument: Instrument
) -> Call:
    """Build the keeper's call for a native mandate; the contract computes the amount."""
    values = (owner, mandate_id, INSTRUMENT_BITS[instrument])
    data = encode_call("execute_native", ["address", "bytes32", "uint8"], values)
    return Call(target=rescue, data=data)


def build_unified_rescue(
    rescue: Address,
    *,
    owner: Address,
    mandate_id: bytes,
    instrument: Instrument,
    units: int,
    attestation_fields: Sequence[Any],
    bitmap: int,
    proof: bytes,
) -> Call:
    """Build the keeper's call for a unified mandate.

    `attestation_fields` are the 21 values of the signed header in order. The contract does not
    count the signature of the address that sends the call.
    """
    types = ["address", "bytes32", "uint8", "uint256", ATTESTATION, "uint256", "bytes"]
    bit = INSTRUMENT_BITS[instrument]
    values = (owner, mandate_id, bit, units, tuple(attestation_fields), bitmap, proof)
    return Call(target=rescue, data=encode_call("execute_unified", types, values))


def build_set_mandate(rescue: Address, terms: MandateTerms) -> Call:
    """Build the owner's call that sets or replaces a mandate."""
    bits = sum(INSTRUMENT_BITS[instrument] for instrument in terms.instruments)
    first = (
        terms.pool,
        terms.asset,
        KIND_NUMBERS[terms.kind],
        bits,
        terms.keeper,
        terms.trigger,
        terms.target,
        terms.per_action,
        terms.per_day,
        terms.min_action,
        terms.refund_cap,
        terms.cooldown_s,
        terms.deadline,
        terms.max_loss_bps,
    )
    second = (terms.account_set_root, terms.verifier, terms.max_age_s, terms.slack_bps)
    data = encode_call("set_mandate", [TERMS, UNIFIED_TERMS], (first, second))
    return Call(target=rescue, data=data)


def build_revoke(rescue: Address, mandate_id: bytes) -> Call:
    """Build the owner's call that ends a mandate."""
    return Call(target=rescue, data=encode_call("revoke", ["bytes32"], (mandate_id,)))


def build_set_paused(rescue: Address, *, paused: bool) -> Call:
    """Build the owner's call that stops all his mandates, or lets them go on."""
    return Call(target=rescue, data=encode_call("set_paused", ["bool"], (paused,)))


def build_approve(token: Address, rescue: Address, units: int) -> Call:
    """Build the owner's call that lets the contract take up to `units` of a token."""
    data = encode_call("approve", ["address", "uint256"], (rescue, units))
    return Call(target=token, data=data)


def decode_rescued(log: Log) -> Rescued:
    """Decode a Rescued event; ValueError for any other log."""
    if len(log.topics) != 4 or log.topics[0] != RESCUED_TOPIC:  # noqa: PLR2004 -- event and three indexed
        raise ValueError(f"log {log.index} of {log.address} is no Rescued event")
    bit, units, before, after, refund = decode(["uint8"] + ["uint256"] * 4, log.data)
    return Rescued(
        owner=_topic_address(log.topics[1]),
        mandate_id=log.topics[2],
        instrument=_instrument(bit),
        asset=_topic_address(log.topics[3]),
        units=units,
        health_before=before,
        health_after=after,
        refund=refund,
    )


def _decode_owner(contract: AccountId, owner: AccountId, result: ViewResult) -> OwnerFunds:
    if not result.success:
        return OwnerFunds(owner=owner, paused=False, holdings=(), mandates=(), readable=False)
    paused, views = decode(["bool", f"{MANDATE_VIEW}[]"], result.data)
    holdings = {}
    for view in views:
        asset = AssetId.erc20(contract.chain, Address(view[1][1]))
        holdings[asset] = Holding(asset=asset, balance=view[5], allowance=view[6])
    return OwnerFunds(
        owner=owner,
        paused=paused,
        holdings=tuple(holdings.values()),
        mandates=tuple(_decode_mandate(contract, owner, view) for view in views),
    )


def _decode_mandate(contract: AccountId, owner: AccountId, view: tuple[Any, ...]) -> Mandate:
    identity, terms, unified, left_today, ready_at, _, _, available, last_sequence = view
    pool, asset, kind, bits, keeper, trigger, target, per_action, _, *rest = terms
    min_action, refund_cap, cooldown, deadline, max_loss = rest
    root, verifier, max_age, slack = unified
    return Mandate(
        kind=_KINDS[kind],
        contract=contract,
        owner=owner,
        market=AccountId(contract.chain, pool),
        asset=AssetId.erc20(contract.chain, Address(asset)),
        trigger=Wad(trigger),
        target=Wad(target),
        per_action=per_action,
        left_today=left_today,
        deadline=deadline,
        id=identity,
        instruments=frozenset(i for i, bit in INSTRUMENT_BITS.items() if bits & bit),
        keeper=Address(keeper),
        min_action=min_action,
        refund_cap=refund_cap,
        available=available,
        ready_at=ready_at,
        max_loss_bps=Bps(max_loss),
        account_set_root=root,
        verifier=Address(verifier),
        max_age_s=max_age,
        slack_bps=Bps(slack),
        last_sequence=last_sequence,
        acted_at=ready_at - cooldown if ready_at else 0,
    )


def _instrument(bit: int) -> Instrument:
    for instrument, number in INSTRUMENT_BITS.items():
        if number == bit:
            return instrument
    raise ValueError(f"{bit} is no instrument")


def _topic_address(topic: bytes) -> Address:
    return Address("0x" + topic[12:].hex())
