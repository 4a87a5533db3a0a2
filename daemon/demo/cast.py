"""Who plays in the demo, what they hold at curtain-up, and the mandates the owner gives.

Alice is collateral-heavy on the two EVM chains and debt-heavy on Solana (`wallets.py`). Her native
health is 1.125 on the dear chain and 1.143 on Solana, both above its floor of 1.10, while her
unified health of 1.65 depends on WETH. A stranger borrows against WETH on the cheap chain, another
against SOL on Solana.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from chains.evm.rescue import MandateTerms, build_approve, build_set_mandate
from chains.model.action import Call, Instrument
from chains.model.ids import AccountId, Address, ChainId, parse_address
from chains.model.snapshot import MandateKind
from chains.model.units import BPS, WAD, Bps, Wad
from daemon.demo.wallets import (
    MANDATE_LIFE_S,
    MAX_AGE_S,
    SLACK,
    WalletMandates,
    Wallets,
    running_solana,
    seed_wallets,
)
from daemon.devnet import control
from daemon.devnet.calls import encode_call
from daemon.devnet.deploy import Deployer
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.actors import Actors
from proofs.statement import AccountLeaf, calculate_leaves_root

ALICE: Final = "alice"
VARIABLE_RATE: Final = 2
EVERYTHING: Final = 2**256 - 1
BOTH: Final = frozenset({Instrument.REPAY, Instrument.SUPPLY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Whole tokens that somebody supplies, borrows or keeps idle on one chain."""

    chain: str
    supplied: tuple[tuple[str, str], ...] = ()
    borrowed: tuple[tuple[str, str], ...] = ()
    idle: tuple[tuple[str, str], ...] = ()


ALICE_HOLDS: Final = (
    Holding(
        chain="cheap",
        supplied=(("WETH", "10"),),
        borrowed=(("USDC", "3000"),),
        idle=(("WETH", "5"), ("USDC", "10000")),
    ),
    Holding(
        chain="dear",
        supplied=(("WBTC", "0.3"),),
        borrowed=(("USDC", "12000"),),
        idle=(("WETH", "5"), ("USDC", "10000")),
    ),
)
STRANGER_HOLDS: Final = (
    Holding(chain="cheap", supplied=(("WETH", "10"),), borrowed=(("USDC", "9000"),)),
)
BANDS: Final = {
    MandateKind.UNIFIED: (Wad(150 * WAD // 100), Wad(160 * WAD // 100)),
    MandateKind.NATIVE: (Wad(110 * WAD // 100), Wad(120 * WAD // 100)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The actors, one address each on both EVM chains and a wallet on Solana.

    `salt` blinds Alice's accounts.
    """

    alice: Address
    stranger: Address
    salt: bytes
    chains: tuple[ChainId, ...]
    wallets: Wallets

    @property
    def members(self) -> tuple[AccountId, ...]:
        """Alice's accounts, in the order that is attested."""
        evm = tuple(AccountId(chain, self.alice) for chain in self.chains)
        return (*evm, self.wallets.alice_account)

    @property
    def account_set_root(self) -> bytes:
        """What her unified mandates demand of an attestation."""
        return calculate_leaves_root(
            [
                AccountLeaf(index=i, caip10=str(member), salt=self.salt)
                for i, member in enumerate(self.members)
            ]
        )


def choose_cast(state: DevnetState) -> Cast:
    """Take two of the devnet's unlocked accounts."""
    unlocked = open_rpc(state.chains[0]).request("eth_accounts")
    return Cast(
        alice=parse_address(unlocked[1].lower()),
        stranger=parse_address(unlocked[2].lower()),
        salt=secrets.token_bytes(32),
        chains=tuple(ChainId.evm(chain.deployment.number) for chain in state.chains),
        wallets=Wallets.make(running_solana(state).deployment.chain),
    )


def seed(folder: Folder, state: DevnetState, cast: Cast) -> None:
    """Open both positions and give the mandates; every transaction is confirmed."""
    for chain in state.chains:
        name = chain.deployment.name
        for actor, holdings in ((cast.alice, ALICE_HOLDS), (cast.stranger, STRANGER_HOLDS)):
            for holding in holdings:
                if holding.chain == name:
                    _fund(folder, actor, holding)
                    _send(chain, actor, _open_calls(chain, actor, holding))
        _send(chain, cast.alice, _mandate_calls(chain, cast, state.keeper))
    solana = running_solana(state)
    actors = Actors.open(solana, folder)
    seed_wallets(actors, cast.wallets)
    mandates = WalletMandates(
        keeper=solana.keeper, bands=BANDS, account_set_root=cast.account_set_root
    )
    mandates.give(actors, cast.wallets.alice)


def _fund(folder: Folder, actor: Address, holding: Holding) -> None:
    for symbol, amount in (*holding.supplied, *holding.idle):
        control.faucet(folder, actor, symbol, Decimal(amount), chain=holding.chain)


def _open_calls(chain: RunningChain, actor: Address, holding: Holding) -> Iterator[Call]:
    pool = chain.deployment.aave.pool
    for symbol, amount in holding.supplied:
        token, units = _units(chain, symbol, amount)
        yield build_approve(token, pool, units)
        data = encode_call("supply(address,uint256,address,uint16)", token, units, actor, 0)
        yield Call(target=pool, data=data)
    for symbol, amount in holding.borrowed:
        token, units = _units(chain, symbol, amount)
        data = encode_call(
            "borrow(address,uint256,uint256,uint16,address)", token, units, VARIABLE_RATE, 0, actor
        )
        yield Call(target=pool, data=data)


def _mandate_calls(chain: RunningChain, cast: Cast, keeper: Address) -> Iterator[Call]:
    rescue = chain.contracts.rescue
    for symbol, amount in (("WETH", "5"), ("USDC", "10000")):
        token, units = _units(chain, symbol, amount)
        yield build_approve(token, rescue, EVERYTHING)
        for kind in MandateKind:
            yield build_set_mandate(rescue, _terms(chain, cast, keeper, kind, token, units))


def _terms(
    chain: RunningChain, cast: Cast, keeper: Address, kind: MandateKind, token: Address, units: int
) -> MandateTerms:
    trigger, target = BANDS[kind]
    terms = MandateTerms(
        kind=kind,
        pool=chain.deployment.aave.pool,
        asset=token,
        instruments=BOTH,
        keeper=keeper,
        trigger=trigger,
        target=target,
        per_action=units,
        per_day=units,
        deadline=int(time.time()) + MANDATE_LIFE_S,
        max_loss_bps=Bps(BPS // 100),
    )
    if kind is MandateKind.NATIVE:
        return terms
    return replace(
        terms,
        account_set_root=cast.account_set_root,
        verifier=chain.contracts.verifier,
        max_age_s=MAX_AGE_S,
        slack_bps=SLACK,
    )


def _units(chain: RunningChain, symbol: str, amount: str) -> tuple[Address, int]:
    token = chain.deployment.tokens[symbol]
    return token.address, int(Decimal(amount) * 10**token.decimals)


def _send(chain: RunningChain, actor: Address, calls: Sequence[Call] | Iterator[Call]) -> None:
    """Send calls in order and wait until all are in a block and succeeded."""
    deployer = Deployer(open_rpc(chain), actor)
    for tx_hash in [deployer.post(call.target, call.data, value=call.value) for call in calls]:
        deployer.confirm(tx_hash)


def open_rpc(chain: RunningChain) -> Rpc:
    """Give a running chain's RPC."""
    return Rpc(urlsplit(chain.rpc_url).port or 0)
