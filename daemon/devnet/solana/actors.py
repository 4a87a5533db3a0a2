"""What people do on the devnet's Solana chain: be given money, deposit, borrow, send.

For the devnet itself, the demo, tests and benchmarks: synchronous, over HTTP, as the chain's owner,
who mints every token. A step waits until it is confirmed, so that the daemon can see it.
"""

import json
from collections.abc import Mapping
from typing import Final, Self

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateAccountWithSeedParams,
    TransferParams,
    create_account_with_seed,
    transfer,
)

from chains.solana.programs.instructions import OBLIGATION_BYTES
from chains.solana.protocols.save.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.save.instructions import Builder, derive_obligation
from chains.solana.protocols.save.state import Obligation, Reserve
from chains.solana.tokens import decode_token_account, derive_token_account
from daemon.devnet.folder import Folder, RunningSolana
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.deployment import SolanaDeployment
from daemon.devnet.solana.sending import Sender, read_account, read_accounts
from daemon.devnet.solana.tokens import build_mint, build_token_account

SOL: Final = 10**9
"""Lamports."""


class Actors:
    """People on one chain; not shared between threads."""

    def __init__(self, rpc: Rpc, deployment: SolanaDeployment, owner: Keypair) -> None:
        self.rpc: Final = rpc
        self.deployment: Final = deployment
        self.owner: Final = Sender(rpc, owner)

    @classmethod
    def open(cls, running: RunningSolana, folder: Folder) -> Self:
        """Speak to a running devnet, with its owner's key from its folder."""
        owner = Keypair.from_bytes(bytes(json.loads(folder.solana_owner.read_text())))
        port = int(running.rpc_url.rpartition(":")[2])
        return cls(Rpc(port), running.deployment, owner)

    def make_wallet(
        self,
        seed: bytes | None = None,
        *,
        lamports: int = 10 * SOL,
        tokens: Mapping[str, int] | None = None,
    ) -> Keypair:
        """Make a wallet, the same for the same 32 bytes of seed, and give it money."""
        key = Keypair() if seed is None else Keypair.from_seed(seed)
        self.fund(key.pubkey(), lamports=lamports, tokens=tokens)
        return key

    def fund(
        self, wallet: Pubkey, *, lamports: int = 0, tokens: Mapping[str, int] | None = None
    ) -> None:
        """Give a wallet lamports and, by symbol, units of tokens in its associated accounts."""
        self.owner.confirm(self.post_funds(wallet, lamports=lamports, tokens=tokens))

    def post_funds(
        self, wallet: Pubkey, *, lamports: int = 0, tokens: Mapping[str, int] | None = None
    ) -> str:
        """Give money without waiting; gives the signature."""
        owner, instructions = self.owner.address, []
        if lamports:
            gift = TransferParams(from_pubkey=owner, to_pubkey=wallet, lamports=lamports)
            instructions.append(transfer(gift))
        for symbol, units in (tokens or {}).items():
            mint = self.deployment.mint_of(symbol)
            account = derive_token_account(wallet, mint)
            instructions.append(build_token_account(owner, wallet, mint))
            instructions.append(build_mint(mint, owner, account, units))
        return self.owner.post(instructions)

    def send(self, key: Keypair, *instructions: Instruction) -> str:
        """Send instructions signed and paid by a wallet; TransactionRefused with the reason."""
        return Sender(self.rpc, key).send(instructions)

    def open_position(
        self, key: Keypair, *, deposits: Mapping[str, int], borrows: Mapping[str, int]
    ) -> Pubkey:
        """Give a wallet units to deposit, deposit them, borrow; gives its obligation.

        The obligation lies where `derive_obligation` says and is made on first use.
        """
        signatures = [self.post_funds(key.pubkey(), tokens=deposits)] if deposits else []
        signatures += [self.post_deposit(key, *deposit) for deposit in deposits.items()]
        signatures += [self.post_borrow(key, *borrow) for borrow in borrows.items()]
        for signature in signatures:
            self.owner.confirm(signature)
        return self.obligation_of(key.pubkey())

    def post_deposit(self, key: Keypair, symbol: str, units: int) -> str:
        """Deposit and pledge what a wallet holds, without waiting; gives the signature."""
        wallet, reserve = key.pubkey(), self.read_reserve(symbol)
        collateral = Pubkey(reserve.keys.collateral_mint)
        self._open_obligation(key)
        deposit = self.builder.deposit(
            reserve,
            self.read_obligation(wallet),
            source=derive_token_account(wallet, self.deployment.mint_of(symbol)),
            collateral=derive_token_account(wallet, collateral),
            owner=wallet,
            units=units,
        )
        account = build_token_account(wallet, wallet, collateral)
        return Sender(self.rpc, key).post([account, deposit])

    def post_borrow(self, key: Keypair, symbol: str, units: int) -> str:
        """Borrow to a wallet, without waiting; gives the signature."""
        wallet, token = key.pubkey(), self.deployment.find_token(symbol)
        mint = self.deployment.mint_of(symbol)
        states = {state.keys.reserve: state for state in map(self.read_reserve, self._symbols)}
        refresh = self.builder.refresh(
            self.read_obligation(wallet), states, [bytes(token.accounts.reserve)]
        )
        borrow = self.deployment.setup.borrow(
            token.accounts,
            self.obligation_of(wallet),
            owner=wallet,
            destination=derive_token_account(wallet, mint),
            units=units,
        )
        account = build_token_account(wallet, wallet, mint)
        return Sender(self.rpc, key).post([account, *refresh, borrow])

    def obligation_of(self, wallet: Pubkey) -> Pubkey:
        """Give the address of a wallet's obligation."""
        return derive_obligation(self.deployment.setup.market, wallet)

    @property
    def builder(self) -> Builder:
        """The builder of the market's instructions."""
        chain, market = self.deployment.chain, self.deployment.setup.market
        return Builder(market=decode_market(chain, market, read_account(self.rpc, market)))

    def read_reserve(self, symbol: str) -> Reserve:
        """Read an asset's reserve."""
        key = self.deployment.find_token(symbol).accounts.reserve
        return decode_reserve(self.deployment.chain, key, read_account(self.rpc, key))

    def read_obligation(self, wallet: Pubkey) -> Obligation:
        """Read a wallet's obligation; DevnetError where it has none."""
        key = self.obligation_of(wallet)
        return decode_obligation(self.deployment.chain, key, read_account(self.rpc, key))

    def read_units(self, wallet: Pubkey, symbol: str) -> int:
        """Read how many units of a token a wallet's associated account holds."""
        key = derive_token_account(wallet, self.deployment.mint_of(symbol))
        [account] = read_accounts(self.rpc, [key])
        if account is None:
            return 0
        return decode_token_account(self.deployment.chain, key, account).amount

    def read_lamports(self, wallet: Pubkey) -> int:
        """Read a wallet's lamports."""
        [account] = read_accounts(self.rpc, [wallet])
        return account.lamports if account else 0

    @property
    def _symbols(self) -> tuple[str, ...]:
        return tuple(self.deployment.tokens)

    def _open_obligation(self, key: Keypair) -> None:
        """Make a wallet's obligation unless it is there."""
        wallet, setup = key.pubkey(), self.deployment.setup
        obligation = self.obligation_of(wallet)
        if read_accounts(self.rpc, [obligation]) != [None]:
            return
        rent = self.rpc.request("getMinimumBalanceForRentExemption", OBLIGATION_BYTES)
        create = create_account_with_seed(
            CreateAccountWithSeedParams(
                from_pubkey=wallet,
                to_pubkey=obligation,
                base=wallet,
                seed=str(setup.market)[:32],
                lamports=rent,
                space=OBLIGATION_BYTES,
                owner=setup.program,
            )
        )
        Sender(self.rpc, key).post([create, setup.init_obligation(obligation, wallet)])
