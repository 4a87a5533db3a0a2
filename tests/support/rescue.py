"""An owner with a position and idle tokens, his keeper, and the contracts between them."""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Final, cast

import pytest
from eth_hash.auto import keccak

from chains.evm.decode import Log, decode_data, decode_quantity
from chains.evm.multicall import ReadPlan, ViewResult
from chains.evm.rescue import (
    INSTRUMENT_BITS,
    RESCUED_TOPIC,
    MandateTerms,
    OwnerFunds,
    Rescued,
    build_native_rescue,
    build_set_mandate,
    build_unified_rescue,
    calculate_mandate_id,
    decode_rescued,
    plan_funds,
)
from chains.evm.reverts import decode_revert
from chains.model.action import Call, Instrument
from chains.model.ids import AccountId, Address
from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Bps, Wad
from daemon.devnet.artifacts import ROOT, Artifact
from daemon.devnet.deploy import Reverted
from daemon.devnet.vyper_build import CONTRACTS, VERIFIERS, compile_vyper
from proofs.committee import Committee
from proofs.contract import build_constructor
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import HealthAttestation
from proofs.typed import digest_struct, hash_text
from tests.support.devnet import DevChain

OWNER: Final = Address("0x" + "0a" * 20)
KEEPER: Final = Address("0x" + "0b" * 20)
STRANGER: Final = Address("0x" + "0c" * 20)
DEPLOYMENT: Final = "plimsoll-rescue-test"
ROOT_OF_ACCOUNTS: Final = bytes(keccak(b"the owner's accounts"))
SIGNER: Final = Secp256k1Signer(bytes(keccak(b"the signer")))
TRIGGER: Final = Wad(110 * WAD // 100)
TARGET: Final = Wad(120 * WAD // 100)
UNIFIED_TRIGGER: Final = Wad(150 * WAD // 100)
UNIFIED_TARGET: Final = Wad(160 * WAD // 100)
YEAR: Final = 365 * 86_400
HELPERS: Final = ROOT / "tests" / "support" / "contracts"


def compile_helper(name: str) -> Artifact:
    """Compile one of the tests' own contracts."""
    return compile_vyper(HELPERS / f"{name}.vy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gas:
    """What a transaction used and paid."""

    used: int
    fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One chain with a rescue contract, a verifier of one signer, and an owner."""

    chain: DevChain
    rescue: Address
    verifier: Address
    committee: Committee
    gas: list[Gas] = field(default_factory=list)

    @property
    def pool(self) -> Address:
        return self.chain.deployment.aave.pool

    @property
    def now(self) -> int:
        return read_time(self.chain)

    def token(self, symbol: str) -> Address:
        return self.chain.deployment.tokens[symbol].address

    def borrow_against_weth(self, weth: int = 10, usdc: int = 12_000) -> None:
        """Let the owner hold WETH at 2000 USD against USDC: HF 1.375 by default."""
        self.chain.supply("WETH", OWNER, weth * 10**18)
        self.chain.borrow("USDC", OWNER, usdc * 10**6)

    def fund(self, symbol: str, units: int, allowance: int = 2**256 - 1) -> None:
        """Give the owner idle tokens that the contract may take."""
        self.chain.mint(symbol, OWNER, units)
        self.chain.send(
            self.token(symbol), "approve(address,uint256)", self.rescue, allowance, sender=OWNER
        )

    def make_odd(self, symbol: str, *, holdings: int) -> Address:
        """Put an odd token's code in a listed token's place and give the owner some of it."""
        token = make_odd(self.chain, symbol)
        self.fund(symbol, holdings)
        return token

    def repay_for_owner(self, symbol: str, units: int) -> None:
        """Let a stranger repay a part of the owner's debt."""
        self.chain.mint(symbol, STRANGER, units)
        self.chain.approve(symbol, self.pool, STRANGER)
        self.chain.send(
            self.pool,
            "repay(address,uint256,uint256,address)",
            *(self.token(symbol), units, 2, OWNER),
            sender=STRANGER,
        )

    def forbid_as_collateral(self, symbol: str) -> None:
        """Take a token's threshold away, as the pool's configurator can."""
        token = self.token(symbol)
        (data,) = self.chain.call(
            self.pool, "getConfiguration(address)", token, returns="(uint256)"
        )
        words = (token, (data >> 32 << 32,))
        signature = "setConfiguration(address,(uint256))"
        configurator = self.chain.deployment.aave.configurator
        self.chain.send(self.pool, signature, *words, sender=configurator)

    def fake_pool(self, *, registered: bool = True) -> Address:
        """Deploy a pool that is none."""
        return self.chain.deploy(compile_helper("fake_pool"), registered)

    def owner_funds(self) -> OwnerFunds:
        """Read the owner's mandates as the daemon does."""
        account = AccountId(self.chain.chain_id, OWNER)
        (found,) = self.read(plan_funds(self.chain.chain_id, self.rescue, [account]))
        return cast("OwnerFunds", found)

    def health(self) -> int:
        types = "(" + ",".join(["uint256"] * 6) + ")"
        data = self.chain.call(self.pool, "getUserAccountData(address)", OWNER, returns=types)
        return int(data[5])

    def native_terms(self, symbol: str = "USDC", **changes: Any) -> MandateTerms:  # noqa: ANN401 -- any field
        terms = MandateTerms(
            kind=MandateKind.NATIVE,
            pool=self.pool,
            asset=self.token(symbol),
            instruments=frozenset(INSTRUMENT_BITS),
            keeper=KEEPER,
            trigger=TRIGGER,
            target=TARGET,
            per_action=10**30,
            per_day=10**31,
            deadline=self.now + YEAR,
        )
        return replace(terms, **changes)

    def unified_terms(self, symbol: str = "USDC", **changes: Any) -> MandateTerms:  # noqa: ANN401 -- any field
        terms = replace(
            self.native_terms(symbol),
            kind=MandateKind.UNIFIED,
            trigger=UNIFIED_TRIGGER,
            target=UNIFIED_TARGET,
            account_set_root=ROOT_OF_ACCOUNTS,
            verifier=self.verifier,
            max_age_s=60,
            slack_bps=Bps(0),
        )
        return replace(terms, **changes)

    def set_mandate(self, terms: MandateTerms) -> bytes:
        self.chain.send_call(build_set_mandate(self.rescue, terms), sender=OWNER)
        return calculate_mandate_id(OWNER, terms.pool, terms.kind, terms.asset)

    def rescue_native(
        self, mandate_id: bytes, instrument: Instrument, *, sender: Address = KEEPER
    ) -> Rescued:
        call = build_native_rescue(
            self.rescue, owner=OWNER, mandate_id=mandate_id, instrument=instrument
        )
        return self.send(call, sender)

    def send(self, call: Call, sender: Address) -> Rescued:
        """Send a rescue and note what it cost."""
        receipt = self.chain.send_call(call, sender=sender)
        gas, price = (decode_quantity(receipt[k]) for k in ("gasUsed", "effectiveGasPrice"))
        self.gas.append(Gas(used=gas, fee_wei=gas * price))
        return find_rescued(receipt)

    def attest(self, **changes: object) -> HealthAttestation:
        """State C = 28 000 and R = 20 000 USD: HF 1.40, E 8 000."""
        header = HealthAttestation(
            schema_version=1,
            audience=bytes(32),
            account_set_root=ROOT_OF_ACCOUNTS,
            block_refs_root=bytes(32),
            positions_root=bytes(32),
            prices_root=bytes(32),
            params_hash=bytes(32),
            zk_commitment=bytes(32),
            committee_id=self.committee.id,
            epoch=0,
            sequence=7,
            prev_digest=bytes(32),
            issued_at=self.now,
            expires_at=self.now + 100,
            min_price_time=self.now,
            position_count=3,
            status=0,
            account_count=2,
            max_skew=30,
            health_factor_e18=14 * WAD // 10,
            net_equity_e8=8_000 * 10**8,
        )
        values: dict[str, Any] = dict(changes)
        return replace(header, **values)

    def rescue_unified(
        self,
        mandate_id: bytes,
        instrument: Instrument,
        units: int,
        header: HealthAttestation | None = None,
        *,
        signed: HealthAttestation | None = None,
        signer: Secp256k1Signer = SIGNER,
        sender: Address = KEEPER,
    ) -> Rescued:
        """Rescue with a header, signed as it is or as `signed` says."""
        call = self.build_unified(
            mandate_id, instrument, units, header, signed=signed, signer=signer
        )
        return self.send(call, sender)

    def build_unified(
        self,
        mandate_id: bytes,
        instrument: Instrument,
        units: int,
        header: HealthAttestation | None = None,
        *,
        signed: HealthAttestation | None = None,
        signer: Secp256k1Signer = SIGNER,
    ) -> Call:
        """Build the keeper's call with a signed header."""
        stated = header or self.attest()
        return build_unified_rescue(
            self.rescue,
            owner=OWNER,
            mandate_id=mandate_id,
            instrument=instrument,
            units=units,
            attestation_fields=astuple(stated),
            bitmap=1,
            proof=signer.sign(digest_struct(signed or stated, hash_text(DEPLOYMENT))),
        )

    def read(self, plan: ReadPlan[Any]) -> Any:  # noqa: ANN401 -- whatever the plan gives
        """Run a plan call by call."""
        results = []
        for call in plan.calls:
            asked = {"to": call.target, "data": "0x" + call.data.hex()}
            data = decode_data(self.chain.rpc.request("eth_call", asked, "latest"))
            results.append(ViewResult(success=True, data=data))
        return plan.decode(results)


def open_stage(chain: DevChain) -> Stage:
    """Deploy the contracts."""
    committee = Committee.first(DEPLOYMENT, [SIGNER.address], 1)
    verifier = chain.deploy(
        compile_vyper(VERIFIERS / "verifier.vy"),
        *build_constructor(DEPLOYMENT, committee, 3_600),
    )
    weth = chain.deployment.tokens["WETH"].address
    rescue = chain.deploy(compile_vyper(CONTRACTS / "rescue.vy"), weth)
    return Stage(chain=chain, rescue=rescue, verifier=verifier, committee=committee)


def read_time(chain: DevChain) -> int:
    """Give the newest block's time."""
    block = chain.rpc.request("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 -- JSON-RPC
    return decode_quantity(block["timestamp"])


def make_odd(chain: DevChain, symbol: str) -> Address:
    """Put an odd token's code in a listed token's place; all balances are gone."""
    token = chain.deployment.tokens[symbol]
    odd = chain.deploy(compile_helper("odd_token"))
    code = chain.rpc.request("eth_getCode", odd, "latest")
    chain.rpc.request("anvil_setCode", token.address, code)
    chain.send(token.address, "describe(string,uint8)", symbol, token.decimals)
    return token.address


def read_logs(receipt: Mapping[str, Any]) -> list[Log]:
    """Give a receipt's events."""
    return [
        Log(
            address=Address(log["address"]),
            topics=tuple(decode_data(topic) for topic in log["topics"]),
            data=decode_data(log["data"]),
            height=decode_quantity(log["blockNumber"]),
            block_hash=decode_data(log["blockHash"]),
            tx_hash=decode_data(log["transactionHash"]),
            index=decode_quantity(log["logIndex"]),
        )
        for log in receipt["logs"]
    ]


def find_rescued(receipt: Mapping[str, Any]) -> Rescued:
    """Decode a receipt's one Rescued event."""
    (log,) = [log for log in read_logs(receipt) if log.topics[0] == RESCUED_TOPIC]
    return decode_rescued(log)


def refused(action: Callable[..., object], *args: object, **named: object) -> str:
    """Do something that must revert; gives the reason the contract stated."""
    with pytest.raises(Reverted) as caught:
        action(*args, **named)
    return reason_of(caught.value)


def reason_of(error: Reverted) -> str:
    """Give the reason a contract stated."""
    return decode_revert(bytes.fromhex(error.data[2:]), message="no reason")
