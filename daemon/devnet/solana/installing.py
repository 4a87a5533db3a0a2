"""Puts programs, tokens, prices, a market and pools onto a fresh Solana node.

Programs and blank accounts are written as only a devnet can; all else is transactions of the
chain's owner. Addresses follow from names, so they are the same at each start.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import Address
from chains.model.units import Usd, units_up
from chains.oracles.pyth import RECEIVER
from chains.solana.committees import CommitteeTerms, build_committee, derive_committee
from chains.solana.programs.build import read_program
from chains.solana.programs.instructions import MARKET_BYTES, LendingSetup, OraclePrice
from chains.solana.protocols.save.layout import PROGRAM
from daemon.devnet.own import MAX_TTL_S
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.actors import SOL, Actors
from daemon.devnet.solana.deployment import (
    ASSETS,
    PAIRS,
    POOL_FEE_BPS,
    POOL_USD,
    SUPPLY_USD,
    SolanaAsset,
    SolanaDeployment,
    SolanaPool,
    SolanaToken,
)
from daemon.devnet.solana.market import (
    Blank,
    MakeKey,
    open_price,
    plan_pool,
    plan_price,
    plan_reserve,
)
from daemon.devnet.solana.sending import Sender, read_clock
from daemon.devnet.solana.tokens import build_mint
from proofs.committee import Committee

OWNER_LAMPORTS: Final = 10**9 * SOL
"""What the owner pays every later transaction and account from."""
HOLDINGS: Final = 10**9
"""Whole tokens the owner holds: supply and every later shock are paid from them."""


def name_key(name: str) -> Pubkey:
    """Give the address of what is called so on every devnet; nobody has its key."""
    return Pubkey(hashlib.sha256(f"plimsoll devnet: {name}".encode()).digest())


SWAP: Final = name_key("swap program")
RESCUE: Final = name_key("rescue program")
PROGRAMS: Final = {"lending": PROGRAM, "oracle": RECEIVER, "swap": SWAP, "rescue": RESCUE}
_ASSETS: Final = {asset.symbol: asset for asset in ASSETS}


def install(rpc: Rpc, owner: Keypair, *, deployment: str, committee: Committee) -> SolanaDeployment:
    """Set a fresh node up; `committee` signs attestations for the rescue program.

    `deployment` is the devnet's id, whose hash salts what is signed. The last transactions may not
    be confirmed yet. DevnetError when a step is refused.
    """
    sender = Sender(rpc, owner)
    rpc.request("surfnet_setAccount", str(sender.address), {"lamports": OWNER_LAMPORTS})
    for program, address in PROGRAMS.items():
        rpc.request("surfnet_writeProgram", str(address), read_program(program).hex(), 0)
    installer = _Installer(sender)
    installer.open_market()
    tokens = {asset.symbol: installer.add_token(asset) for asset in ASSETS}
    made = SolanaDeployment(
        genesis=rpc.request("getGenesisHash"),
        owner=Address(str(sender.address)),
        lending=Address(str(PROGRAM)),
        oracle=Address(str(RECEIVER)),
        swap=Address(str(SWAP)),
        market=Address(str(installer.setup.market)),
        tokens=tokens,
        pools=tuple(installer.add_pool(tokens[one], tokens[other]) for one, other in PAIRS),
        rescue=Address(str(RESCUE)),
        committee=installer.found_committee(deployment, committee),
    )
    _supply(Actors(rpc, made, owner))
    return made


def _supply(actors: Actors) -> None:
    """Give the owner what it holds, and lend a part of it."""
    owner = actors.owner.key
    held = {asset.symbol: HOLDINGS * 10**asset.decimals for asset in ASSETS}
    actors.post_funds(owner.pubkey(), tokens=held)
    for asset in ASSETS:
        actors.post_deposit(owner, asset.symbol, _units(asset, SUPPLY_USD))


def _units(asset: SolanaAsset, value: Usd) -> int:
    return units_up(value, asset.price, asset.decimals)


class _Installer:
    """The owner at work on a node whose programs are there."""

    def __init__(self, owner: Sender) -> None:
        self._owner = owner
        self.setup = LendingSetup(
            program=PROGRAM, market=name_key("market"), oracle_program=RECEIVER
        )

    def open_market(self) -> None:
        """Set the market up."""
        self._write([Blank(key=self.setup.market, owner=PROGRAM, data=bytes(MARKET_BYTES))])
        self._owner.post([self.setup.init_market(self._owner.address)])

    def add_token(self, asset: SolanaAsset) -> SolanaToken:
        """Make a token with two prices and its reserve in the market."""
        admin, make_key = self._owner.address, _namer(asset.symbol)
        accounts, blanks = plan_reserve(
            self.setup, admin, decimals=asset.decimals, make_key=make_key
        )
        reference = make_key("reference price")
        self._write([*blanks, plan_price(RECEIVER, reference)])
        _, now = read_clock(self._owner.rpc)
        price = OraclePrice(price=asset.price, published_at=now)
        for feed in (accounts.oracle, reference):
            self._owner.post(open_price(RECEIVER, feed, admin, accounts.mint, price))
        self._owner.post([self.setup.init_reserve(admin, accounts, asset.terms)])
        return SolanaToken(
            symbol=asset.symbol,
            decimals=asset.decimals,
            mint=_write_key(accounts.mint),
            reserve=_write_key(accounts.reserve),
            supply=_write_key(accounts.supply),
            collateral_mint=_write_key(accounts.collateral_mint),
            collateral_vault=_write_key(accounts.collateral_vault),
            fee_receiver=_write_key(accounts.fee_receiver),
            feed=_write_key(accounts.oracle),
            reference_feed=_write_key(reference),
        )

    def add_pool(self, first: SolanaToken, second: SolanaToken) -> SolanaPool:
        """Make a pool of two tokens, filled for the same value of both."""
        mints = (first.accounts.mint, second.accounts.mint)
        pool, blanks = plan_pool(SWAP, mints, _namer(f"{first.symbol}/{second.symbol}"))
        self._write(blanks)
        fill = [
            build_mint(mint, self._owner.address, vault, _units(_ASSETS[token.symbol], POOL_USD))
            for token, mint, vault in zip((first, second), mints, pool.vaults, strict=True)
        ]
        self._owner.post([pool.create(POOL_FEE_BPS), *fill])
        return SolanaPool(
            token0=first.symbol,
            token1=second.symbol,
            account=_write_key(pool.account),
            vaults=(_write_key(pool.vaults[0]), _write_key(pool.vaults[1])),
        )

    def found_committee(self, deployment: str, committee: Committee) -> Address:
        """Make the committee's account."""
        terms = CommitteeTerms(
            salt=keccak(deployment.encode()),
            members=committee.members,
            threshold=committee.threshold,
            max_ttl_s=MAX_TTL_S,
        )
        self._owner.post([build_committee(RESCUE, self._owner.address, terms)])
        return _write_key(derive_committee(RESCUE, terms))

    def _write(self, blanks: Sequence[Blank]) -> None:
        for blank in blanks:
            self._owner.rpc.request(
                "surfnet_setAccount",
                str(blank.key),
                {"lamports": SOL, "owner": str(blank.owner), "data": blank.data.hex()},
            )


def _namer(prefix: str) -> MakeKey:
    return lambda name: name_key(f"{prefix} {name}")


def _write_key(key: Pubkey) -> Address:
    return Address(str(key))
