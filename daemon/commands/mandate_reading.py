"""What `plimsoll mandate` reads of a Solana chain: debts, token accounts, committees."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import ChainError, DecodeError
from chains.model.ids import AccountId
from chains.model.snapshot import MandateKind
from chains.solana.accounts import AccountPlan, RawAccount, combine, read
from chains.solana.client import BytesFilter, DataSlice, SizeFilter, SolanaClient
from chains.solana.committees import decode_committee
from chains.solana.mandates import MANDATE
from chains.solana.markets import Found, Target, check_loan
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.decode import decode_obligation, decode_reserve
from chains.solana.protocols.save.state import Obligation, Reserve
from chains.solana.reader import MarketTerms
from chains.solana.rescue import Debt, derive_mandate, derive_source
from chains.solana.rpc import Commitment
from config.solana import SolanaSettings
from daemon.commands.common import CommandError, refuse
from daemon.mandate_solana import Source, decode_source
from proofs.typed import hash_text

_NOTHING: Final = DataSlice(offset=0, length=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A debt a mandate can be for, whether it is `owed` now, and the owner's tokens."""

    debt: Debt
    owed: bool
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A wallet in a market, by a client; `label` names the chain."""

    label: str
    client: SolanaClient
    owner: AccountId
    market: MarketTerms

    @property
    def wallet(self) -> Pubkey:
        """The owner's key."""
        return Pubkey.from_string(self.owner.address)

    async def read_standing(self, symbol: str, mint: Pubkey, obligation: str | None) -> Standing:
        """Read what a mandate for a token is set upon; refused where there is no such debt."""
        opened, reserves = await self._open()
        lending = [reserve for reserve in reserves if reserve.keys.mint == bytes(mint)]
        if not lending:
            refuse(
                f"SYMBOL: no reserve of market {self.market.market} in chains.{self.label}"
                f" lends {symbol}; write its reserve there"
            )
        key = parse_obligation(obligation) or await self._find_obligation(opened)
        loan, source = await self._read_loan(opened, key, derive_source(self.wallet, mint))
        borrowed = {borrow.reserve for borrow in loan.borrows}
        owed = [reserve for reserve in lending if reserve.keys.reserve in borrowed]
        keys = (owed or lending)[0].keys
        debt = Debt(
            owner=self.wallet,
            obligation=key,
            lending=opened.program,
            market=self.market.market,
            reserve=Pubkey(keys.reserve),
            supply=Pubkey(keys.supply),
            mint=mint,
        )
        return Standing(debt=debt, owed=bool(owed), source=source)

    async def find_given(
        self, program: Pubkey, mint: Pubkey, kind: MandateKind, obligation: str | None
    ) -> tuple[Pubkey, Source]:
        """Find the one mandate of a kind that was given for a token, and the token account."""
        named = parse_obligation(obligation)
        places = [named] if named else await self._scan((await self._open())[0])
        mandates = {
            derive_mandate(program, self.wallet, place, mint, kind): place for place in places
        }
        key = derive_source(self.wallet, mint)
        plan = AccountPlan(keys=(key, *mandates), decode=lambda found: found)
        _, found = await read(self.client, plan, min_slot=0)
        given = [mandate for mandate in mandates if _is_there(found[mandate])]
        if not given:
            refuse(f"MEMBER: has given no {kind} mandate for this token and market")
        if len(given) > 1:
            refuse(_ask_which("mandates", [mandates[mandate] for mandate in given]))
        try:
            return given[0], decode_source(self.client.chain, key, found[key], owner=self.wallet)
        except DecodeError:
            return given[0], Source(key=key)

    async def find_others(
        self, program: Pubkey, mint: Pubkey, mandate: Pubkey
    ) -> tuple[Pubkey, ...] | None:
        """Find the owner's other mandates for a token, in any market; None where no node tells."""
        filters = (
            SizeFilter(size=MANDATE.size),
            BytesFilter(offset=0, data=MANDATE.discriminator),
            BytesFilter(offset=MANDATE.fields["owner"].offset, data=bytes(self.wallet)),
            BytesFilter(offset=MANDATE.fields["mint"].offset, data=bytes(mint)),
        )
        try:
            seen = await self.client.scan(program, filters=filters, part=_NOTHING)
        except ChainError:
            return None
        return tuple(each.key for each in seen.accounts if each and each.key != mandate)

    async def _open(self) -> tuple[SaveMarket, Sequence[Reserve]]:
        chain, terms = self.client.chain, self.market

        def decode(found: Found) -> list[Reserve]:
            program = terms.program
            place = {} if program is None else {"program": program}
            return [decode_reserve(chain, key, found[key], **place) for key in terms.reserves]

        opening = SaveMarket.plan_open(
            chain, market=terms.market, reserves=terms.reserves, assets={}, program=terms.program
        )
        reserves = AccountPlan(keys=terms.reserves, decode=decode)
        _, (opened, states) = await read(self.client, combine([opening, reserves]), min_slot=0)
        return opened, states

    async def _find_obligation(self, opened: SaveMarket) -> Pubkey:
        found = await self._scan(opened)
        if not found:
            refuse(f"MEMBER: has no obligation in market {self.market.market}")
        if len(found) > 1:
            refuse(_ask_which("obligations", found))
        return found[0]

    async def _scan(self, opened: SaveMarket) -> list[Pubkey]:
        try:
            seen = await self.client.scan(
                opened.program, filters=opened.scan_filters(self.owner), part=_NOTHING
            )
        except ChainError as error:
            raise CommandError(
                f"chains.{self.label}: his obligations cannot be searched for: {error.reason};"
                " name one with --obligation"
            ) from error
        return [account.key for account in seen.accounts if account is not None]

    async def _read_loan(
        self, opened: SaveMarket, obligation: Pubkey, source: Pubkey
    ) -> tuple[Obligation, Source]:
        chain, target = self.client.chain, Target(account=self.owner, obligation=obligation)

        def decode(found: Found) -> tuple[Obligation | DecodeError, Source]:
            held = decode_source(chain, source, found[source], owner=self.wallet)
            try:
                loan = decode_obligation(
                    chain, obligation, found[obligation], program=opened.program
                )
                market = bytes(self.market.market)
                check_loan(chain, target, owner=loan.owner, market=loan.market, expected=market)
            except DecodeError as error:
                return error, held
            return loan, held

        plan = AccountPlan(keys=(obligation, source), decode=decode)
        _, (loan, held) = await read(self.client, plan, min_slot=0)
        if isinstance(loan, DecodeError):
            refuse(f"--obligation: {loan.reason}")
        return loan, held


@asynccontextmanager
async def open_client(label: str, chain: SolanaSettings) -> AsyncIterator[SolanaClient]:
    """Open a client of a chain; what fails on it is one line that names the chain."""
    client = SolanaClient(
        chain=chain.caip2, endpoints=chain.rpc, commitment=Commitment(chain.commitment)
    )
    try:
        async with client:
            yield client
    except ChainError as error:
        raise CommandError(f"chains.{label}: {error.reason}") from error


async def check_committee_account(
    label: str, client: SolanaClient, program: Pubkey, key: Pubkey, deployment: str
) -> None:
    """Refuse a committee's account that is none, or of another deployment."""
    where = f"chains.{label}.programs.committee"
    plan = AccountPlan(keys=(key,), decode=lambda found: found[key])
    _, account = await read(client, plan, min_slot=0)
    try:
        terms = decode_committee(client.chain, key, account, program=program)
    except DecodeError as error:
        refuse(f"{where}: {error.reason}; make it, see plimsoll mandate committee --help")
    if terms.salt != hash_text(deployment):
        refuse(f"{where}: is not of deployment {deployment!r}; write that deployment's")


async def has_account(client: SolanaClient, key: Pubkey, owner: Pubkey) -> bool:
    """Say whether a program has made an account."""
    plan = AccountPlan(keys=(key,), decode=lambda found: found[key])
    _, account = await read(client, plan, min_slot=0)
    return account is not None and account.owner == owner


def parse_obligation(text: str | None) -> Pubkey | None:
    """Give an obligation's address as it was typed."""
    if text is None:
        return None
    try:
        return Pubkey.from_string(text)
    except ValueError:
        refuse(f"--obligation: {text!r} is not a Solana address (base58 of 32 bytes)")


def _is_there(account: RawAccount | None) -> bool:
    return account is not None and bool(account.data)


def _ask_which(what: str, obligations: Sequence[Pubkey]) -> str:
    named = ", ".join(sorted(map(str, obligations)))
    return f"--obligation: there are {len(obligations)} {what} in this market; name one of {named}"
