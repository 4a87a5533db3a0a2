"""A Solana chain read whole: one call a head, whatever is asked of it, and what it may miss."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from structlog.testing import capture_logs

from chains.discover import SolanaMarket
from chains.errors import DecodeError, MissingBlock
from chains.model.anchor import Finality, Head
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.price import PriceStatus
from chains.model.snapshot import ChainSnapshot, MandateKind
from chains.model.units import USD, Usd
from chains.oracles.pyth import PythTerms
from chains.solana.accounts import CLOCK, MAX_KEYS, PlanTooLarge, RawAccount, mint_anchor
from chains.solana.client import SolanaClient
from chains.solana.programs.instructions import OraclePrice
from chains.solana.protocols.klend.adapter import KlendMarket
from chains.solana.protocols.klend.decode import decode_obligation, decode_reserve
from chains.solana.protocols.marginfi.adapter import MarginfiMarket
from chains.solana.protocols.marginfi.fixed import ONE
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.ratios import STAKE_POOL, STAKE_POOL_PROGRAM, StakePoolTerms
from chains.solana.reader import MarketTerms, SolanaReader, TokenTerms
from chains.solana.rescue import derive_mandate, derive_owner_state
from chains.solana.search import AGAIN_S, RETRY_S
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from tests.chains.solana.mirror import mirror, place, remove, settle
from tests.chains.solana.programs.rescue_scene import RESCUE, RescueScene, open_scene
from tests.chains.solana.protocols.dumps import load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.klend import accounts as kamino
from tests.chains.solana.protocols.marginfi import accounts as marginfi
from tests.chains.solana.protocols.save.building import Owner
from tests.support.solnode import chain_of, make_ledger, serving

pytestmark = pytest.mark.net

SOL, USDC = 10**9, 10**6
READ = "getMultipleAccounts"


@dataclass
class Scene:
    """A market whose owner holds 100 SOL and owes 10,000 USDC, behind a node."""

    rescue: RescueScene
    ledger: Ledger
    client: SolanaClient
    node: SolanaNode

    @property
    def chain(self) -> ChainId:
        return self.client.chain

    @property
    def owner(self) -> AccountId:
        return self.account(self.rescue.owner.key)

    def account(self, key: Keypair) -> AccountId:
        return AccountId(self.chain, str(key.pubkey()))

    def token(self, symbol: str, *, reference: bool = False) -> TokenTerms:
        reserve = self.rescue.sol if symbol == "SOL" else self.rescue.usdc
        feed = PythTerms(
            account=reserve.oracle,
            feed=None,
            max_age_s=120,
            max_confidence=200,
            minimum=Usd(1),
            maximum=Usd(10**6 * USD),
        )
        return TokenTerms(
            asset=AssetId.spl(self.chain, Address(str(reserve.mint))),
            symbol=symbol,
            decimals=9 if symbol == "SOL" else 6,
            feed=feed,
            reference=feed if reference else None,
        )

    def reader(
        self, *tokens: TokenTerms, native: TokenTerms | None = None, rescue: Pubkey | None = RESCUE
    ) -> SolanaReader:
        return SolanaReader(
            self.client,
            markets=[self.market(SaveMarket)],
            tokens=tokens or (self.token("SOL", reference=True), self.token("USDC")),
            native=native or self.token("SOL"),
            rescue=rescue,
        )

    def market(self, protocol: type[SolanaMarket]) -> MarketTerms:
        reserves = tuple(accounts.reserve for accounts in self.rescue.market.reserves)
        return MarketTerms(
            protocol=protocol, market=self.rescue.market.setup.market, reserves=reserves
        )

    async def head(self) -> Head:
        seen = await self.client.read_accounts([CLOCK])
        anchor = mint_anchor(self.chain, [CLOCK], seen)
        return Head(anchor=anchor, parent_hash=b"", base_fee_wei=0)

    async def read(self, reader: SolanaReader, *accounts: AccountId) -> ChainSnapshot:
        return await reader.read(await self.head(), accounts or (self.owner,))

    def show(self) -> None:
        """Let the node show what was done since."""
        mirror(self.rescue.lab, self.ledger)


@asynccontextmanager
async def staged() -> AsyncIterator[Scene]:
    rescue, ledger = open_scene(), make_ledger()
    mirror(rescue.lab, ledger)
    async with serving(ledger, timeout_s=5.0) as (client, (node,)):
        yield Scene(rescue=rescue, ledger=ledger, client=client, node=node)


async def search(scene: Scene, reader: SolanaReader) -> None:
    """Read, and let the search that goes on beside the reads have its time."""
    await scene.read(reader)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.keep_searching(0.01)


async def test_once_open_a_chain_is_read_in_one_call_at_the_heads_slot() -> None:
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        reader = scene.reader()
        await scene.read(reader)
        settle(scene.ledger)
        head = await scene.head()
        before = dict(scene.node.counts)
        snapshot = await reader.read(head, [scene.owner])
        asked = {
            method: count - before.get(method, 0)
            for method, count in scene.node.counts.items()
            if count != before.get(method, 0)
        }
        assert asked == {READ: 1}
        assert snapshot.anchor.height >= head.anchor.height
        assert snapshot.anchor.finality is Finality.SAFE
        assert snapshot.positions
        assert snapshot.funds
        assert snapshot.references


async def test_a_snapshot_tells_positions_funds_both_prices_and_fees() -> None:
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        reader = scene.reader()
        snapshot = await scene.read(reader)
        (position,) = snapshot.positions
        assert position.anchor == snapshot.anchor
        assert position.account == scene.owner
        assert position.obligation == str(scene.rescue.owner.obligation)
        held, owed = position.legs
        assert (held.symbol, held.units) == ("SOL", 100 * SOL)
        assert owed.symbol == "USDC"
        assert 10_000 * USDC < owed.units < 10_001 * USDC  # some slots' interest
        (fund,) = snapshot.funds
        assert (fund.owner, fund.symbol, fund.balance) == (scene.owner, "USDC", 50_000 * USDC)
        (mandate,) = fund.mandates
        assert mandate.kind is MandateKind.NATIVE
        assert mandate.obligation == position.obligation
        assert {price.usd for price in snapshot.prices} == {150 * USD, USD}
        (reference,) = snapshot.references
        assert (reference.usd, reference.status) == (150 * USD, PriceStatus.OK)
        assert (snapshot.fees.base_fee_wei, snapshot.fees.native_usd) == (0, 150 * USD)
        assert snapshot.unreadable == ()
        (read,) = reader.reads.values()
        assert read.positions == snapshot.positions
        assert [market.market for market in await reader.markets()] == list(reader.reads)


async def test_without_a_rescue_program_there_are_no_funds() -> None:
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        assert (await scene.read(scene.reader(rescue=None))).funds == ()


async def test_an_owners_tokens_are_counted_once_for_two_obligations() -> None:
    async with staged() as scene:
        market, key = scene.rescue.market, scene.rescue.owner.key
        second = market.owner_of(key)
        market.deposit(second, scene.rescue.sol, 10 * SOL)
        market.borrow(second, scene.rescue.usdc, 100 * USDC)
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.rescue.owner = second
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        snapshot = await scene.read(scene.reader())
        assert len(snapshot.positions) == 2
        (fund,) = snapshot.funds
        assert {mandate.obligation for mandate in fund.mandates} == {
            position.obligation for position in snapshot.positions
        }


async def test_accounts_of_other_chains_are_not_asked_about() -> None:
    async with staged() as scene:
        foreign = AccountId(ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"), str(CLOCK))
        snapshot = await scene.read(scene.reader(), foreign, scene.owner)
        assert [position.account for position in snapshot.positions] == [scene.owner]


async def test_a_wallet_with_nothing_has_a_position_without_legs() -> None:
    async with staged() as scene:
        nobody = AccountId(scene.chain, str(Keypair.from_seed(b"n" * 32).pubkey()))
        (position,) = (await scene.read(scene.reader(), nobody)).positions
        assert (position.account, position.legs) == (nobody, ())


async def test_an_obligation_opened_later_is_found_within_minutes() -> None:
    async with staged() as scene:
        reader = scene.reader()
        assert len((await scene.read(reader)).positions) == 1
        later: Owner = scene.rescue.market.owner_of(scene.rescue.owner.key)
        scene.rescue.market.deposit(later, scene.rescue.sol, SOL)
        scene.show()
        await search(scene, reader)
        assert len((await scene.read(reader)).positions) == 1
        scene.ledger.travel(AGAIN_S)
        settle(scene.ledger)
        await search(scene, reader)
        assert len((await scene.read(reader)).positions) == 2


async def test_a_wallet_that_could_not_be_searched_for_is_not_known_to_owe_nothing() -> None:
    async with staged() as scene:
        scene.node.faults.scans_refused = True
        reader = scene.reader()
        with capture_logs() as logs:
            snapshot = await scene.read(reader)
            settle(scene.ledger)
            again = await scene.read(reader)
        ((account, reason),) = snapshot.unreadable
        assert account == scene.owner
        assert "its obligations were not found" in reason
        assert again.unreadable == snapshot.unreadable
        told = [line for line in logs if line["event"] == "obligations.not_searched"]
        assert len(told) == 1
        scene.node.faults.scans_refused = False
        scene.ledger.travel(RETRY_S)
        settle(scene.ledger)
        await search(scene, reader)
        found = await scene.read(reader)
        assert found.unreadable == ()
        assert found.positions[0].legs


async def test_what_was_found_stays_while_later_searches_fail() -> None:
    async with staged() as scene:
        reader = scene.reader()
        await scene.read(reader)
        scene.node.faults.scans_refused = True
        scene.ledger.travel(AGAIN_S)
        settle(scene.ledger)
        await search(scene, reader)
        snapshot = await scene.read(reader)
        assert snapshot.unreadable == ()
        assert snapshot.positions[0].legs


async def test_a_reserve_with_another_oracle_has_its_market_opened_again_once() -> None:
    async with staged() as scene:
        reader = scene.reader()
        await scene.read(reader)
        sol = scene.rescue.sol
        other = scene.rescue.lab.blank(scene.rescue.lab.raw(sol.oracle).owner, 134)
        moved = bytearray(scene.rescue.lab.raw(sol.reserve).data)
        moved[107:139] = bytes(other)
        scene.rescue.lab.put(scene.rescue.lab.raw(sol.reserve).owner, bytes(moved), at=sol.reserve)
        scene.show()
        before = scene.node.counts[READ]
        snapshot = await scene.read(reader)
        assert scene.node.counts[READ] - before == 4  # the head, stale, opened, read
        price = next(p for p in snapshot.prices if p.asset.reference == str(sol.mint))
        assert price.status is PriceStatus.UNREADABLE


async def test_a_slot_that_is_not_there_yet_is_missing_and_opens_nothing() -> None:
    async with staged() as scene:
        reader = scene.reader()
        head = await scene.head()
        await reader.read(head, [scene.owner])
        ahead = replace(head, anchor=replace(head.anchor, height=head.anchor.height + 100))
        before = scene.node.counts[READ]
        with pytest.raises(MissingBlock):
            await reader.read(ahead, [scene.owner])
        assert scene.node.counts[READ] - before == 2  # the pool asks twice
        await reader.read(head, [scene.owner])
        assert scene.node.counts[READ] - before == 3


async def test_more_accounts_than_one_call_gives_say_what_to_do() -> None:
    async with staged() as scene:
        many = [
            AccountId(scene.chain, str(Keypair.from_seed(n.to_bytes(32, "big")).pubkey()))
            for n in range(1, 101)
        ]
        with pytest.raises(PlanTooLarge, match="link fewer accounts or markets"):
            await scene.read(scene.reader(), *many)


def gift(number: int, **shares: int) -> RawAccount:
    """Give a marginfi account in an unknown bank that somebody made over to a member."""
    balance = {"active": 1, "bank": bytes([99]) * 32, **shares}
    given = marginfi.margin_account(balances=[balance])
    return replace(given, key=Pubkey(bytes([number, *[88] * 31])))


@asynccontextmanager
async def staged_with_gifts(
    *gifts: RawAccount,
) -> AsyncIterator[tuple[Scene, SolanaReader, AccountId]]:
    """Give a reader of Save and marginfi, and the member who got the gifts."""
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        place(scene.ledger, [*marginfi.accounts_of().values(), *gifts])
        reader = SolanaReader(
            scene.client,
            markets=[scene.market(SaveMarket), MARGINFI],
            tokens=[scene.token("SOL"), scene.token("USDC")],
            native=scene.token("SOL"),
            rescue=RESCUE,
        )
        yield scene, reader, AccountId(scene.chain, str(marginfi.WALLET))


async def test_a_given_account_without_debts_hides_nobody_and_is_told_once() -> None:
    async with staged_with_gifts(gift(88, asset_shares=ONE)) as (scene, reader, member):
        with capture_logs() as logs:
            for _ in range(2):
                snapshot = await scene.read(reader, member, scene.owner)
        assert not snapshot.unreadable
        ((account, reason),) = snapshot.unvalued
        assert account == member
        assert "was not read" in reason
        assert {p.account for p in snapshot.positions if p.debts} == {member, scene.owner}
        told = [line["account"] for line in logs if line["event"] == "obligations.unvalued"]
        assert told == [str(member)]
        assert not snapshot.only(frozenset({scene.owner})).unvalued


async def test_an_account_with_debts_that_cannot_be_valued_hides_its_owner() -> None:
    async with staged_with_gifts(gift(88, liability_shares=ONE)) as (scene, reader, member):
        snapshot = await scene.read(reader, member, scene.owner)
        assert [account for account, _ in snapshot.unreadable] == [member]
        assert not snapshot.unvalued


async def test_of_too_many_accounts_those_without_debts_are_left_out_first() -> None:
    gifts = [gift(number, asset_shares=ONE) for number in range(100)]
    async with staged_with_gifts(*gifts) as (scene, reader, member):
        snapshot = await scene.read(reader, member, scene.owner)
        assert not snapshot.unreadable
        assert {p.account for p in snapshot.positions if p.debts} == {member, scene.owner}
        assert len(snapshot.funds) == 1
        told = [reason for account, reason in snapshot.unvalued if account == member]
        assert any("without debts do not fit into a read" in reason for reason in told)
        read = reader.find_read(snapshot.anchor.hash)
        assert read is not None
        assert len(read.accounts) == MAX_KEYS
        valued = await reader.value(read, [member, scene.owner])
        assert valued.positions == snapshot.positions


async def test_what_borrowed_since_it_was_searched_for_is_not_left_out_by_others() -> None:
    gifts = [gift(number, asset_shares=ONE) for number in range(100)]
    async with staged_with_gifts(*gifts) as (scene, reader, member):
        snapshot = await scene.read(reader, member, scene.owner)
        read = reader.find_read(snapshot.anchor.hash)
        assert read is not None
        late = next(n for n, each in enumerate(gifts) if each.key not in read.accounts)
        place(scene.ledger, [gift(late, liability_shares=ONE)])
        with pytest.raises(DecodeError, match=f"{gifts[late].key} owes, and was left out"):
            await reader.value(read, [member, scene.owner])


async def test_funds_are_left_out_where_positions_leave_them_no_room() -> None:
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        reader = scene.reader()
        wallets = [
            AccountId(scene.chain, str(Keypair.from_seed(n.to_bytes(32, "big")).pubkey()))
            for n in range(1, 94)
        ]
        with capture_logs() as logs:
            for _ in range(2):
                snapshot = await scene.read(reader, scene.owner, *wallets)
        assert not snapshot.funds
        assert any(position.debts for position in snapshot.positions)
        told = [line["account"] for line in logs if line["event"] == "funds.left_out"]
        assert told == [str(scene.owner)]
        assert (await scene.read(reader)).funds


async def test_only_what_is_owed_is_looked_up_for_mandates() -> None:
    async with staged() as scene:
        market, key = scene.rescue.market, scene.rescue.owner.key
        second = market.owner_of(key)
        market.deposit(second, scene.rescue.usdc, 1_000 * USDC)
        market.borrow(second, scene.rescue.sol, SOL)
        scene.show()
        reader = scene.reader()
        snapshot = await scene.read(reader)
        read = reader.find_read(snapshot.anchor.hash)
        assert read is not None
        usdc, sol = scene.rescue.usdc.mint, scene.rescue.sol.mint
        for mint, obligation in ((usdc, second.obligation), (sol, scene.rescue.owner.obligation)):
            for kind in MandateKind:
                place_of = derive_mandate(RESCUE, key.pubkey(), obligation, mint, kind)
                assert place_of not in read.accounts


async def test_fees_without_a_price_are_refused_and_a_dead_feed_hides_no_chain() -> None:
    async with staged() as scene:
        nowhere = AssetId.spl(scene.chain, Address(str(CLOCK)))
        token = scene.token("SOL")
        native = replace(token, asset=nowhere, feed=replace(token.feed, account=CLOCK))
        with pytest.raises(DecodeError, match="gives fees no price"):
            await scene.read(scene.reader(native=native))
        reader = scene.reader()
        await scene.read(reader)
        remove(scene.ledger, scene.rescue.sol.oracle)
        assert (await scene.read(reader)).fees.native_usd == 150 * USD


async def test_an_owner_whose_mandates_cannot_be_read_is_told_once_and_hides_nobody() -> None:
    async with staged() as scene:
        state = derive_owner_state(RESCUE, scene.rescue.wallet)
        place(scene.ledger, [RawAccount(key=state, owner=CLOCK, lamports=1, data=b"?")])
        reader = scene.reader()
        with capture_logs() as logs:
            for _ in range(3):
                settle(scene.ledger)
                snapshot = await scene.read(reader)
                assert snapshot.funds == ()
                assert [p.account for p in snapshot.positions] == [scene.owner]
        told = [line["account"] for line in logs if line["event"] == "funds.unreadable"]
        assert told == [str(scene.owner)]


async def test_a_price_moves_with_the_chain() -> None:
    async with staged() as scene:
        reader = scene.reader()
        first = await scene.read(reader)
        market = scene.rescue.market
        market.publish(scene.rescue.sol, OraclePrice(price=90 * USD, published_at=market.now))
        scene.show()
        second = await scene.read(reader)
        assert second.anchor.height > first.anchor.height
        assert second.fees.native_usd == 90 * USD
        (position,) = second.positions
        assert position.native_health is not None
        assert first.positions[0].native_health is not None
        assert position.native_health < first.positions[0].native_health


async def test_a_staked_tokens_ratio_is_read_in_the_same_call() -> None:
    async with staged() as scene:
        pool = Pubkey(b"pool" * 8)
        values = {
            "pool_mint": bytes(scene.rescue.sol.mint),
            "total_lamports": 12 * SOL,
            "pool_token_supply": 10 * SOL,
        }
        data = encode(STAKE_POOL, values)
        place(scene.ledger, [RawAccount(key=pool, owner=STAKE_POOL_PROGRAM, lamports=1, data=data)])
        staked = replace(scene.token("SOL"), ratio=StakePoolTerms(account=pool))
        (found,) = (await scene.read(scene.reader(staked))).ratios
        assert (found.asset, found.value, found.valid) == (staked.asset, 12 * 10**17, True)


KAMINO = MarketTerms(protocol=KlendMarket, market=kamino.MARKET, reserves=(kamino.SOL, kamino.USDC))
MARGINFI = MarketTerms(
    protocol=MarginfiMarket, market=marginfi.GROUP_KEY, reserves=(marginfi.SOL, marginfi.USDC)
)


@pytest.mark.parametrize(
    ("other", "accounts"), [(KAMINO, kamino.accounts_of()), (MARGINFI, marginfi.accounts_of())]
)
async def test_markets_of_two_protocols_are_read_in_one_call(
    other: MarketTerms, accounts: dict[Pubkey, RawAccount | None]
) -> None:
    async with staged() as scene:
        place(scene.ledger, accounts.values())
        reader = SolanaReader(
            scene.client,
            markets=[scene.market(SaveMarket), other],
            tokens=[scene.token("SOL"), scene.token("USDC")],
            native=scene.token("SOL"),
            rescue=None,
        )
        wallet = AccountId(scene.chain, str(kamino.WALLET))
        await scene.read(reader, wallet, scene.owner)
        before = scene.node.counts[READ]
        snapshot = await scene.read(reader, wallet, scene.owner)
        assert scene.node.counts[READ] - before == 2  # the head and the read
        owing = [(found.protocol, found.account) for found in snapshot.positions if found.debts]
        assert owing == [("save", scene.owner), (other.protocol.protocol, wallet)]
        assert not snapshot.unreadable
        assert [market.address for market in reader.reads] == [
            str(scene.rescue.market.setup.market),
            str(other.market),
        ]


@needs_dumps
async def test_the_dumped_main_market_of_kamino_is_read_from_a_node() -> None:
    names = (
        "D6q6wuQSrifJKZYpR1M8R4YawnLDtDsMmWM1NbBmgJ59",
        "d4A2prbA2whesmvHaL88BH6Ewn5N4bTSU2Ze8P6Bc4Q",
        "EVbyPKrHG6WBfm4dLxLMJpUDY43cCAcHSpV3KYjKsktW",
    )
    main = load_dump("klend/7u3HeHxYDLhnCoErrtycNokbQYbWGzLs6JSDqGAv5PfF.json")
    scope = load_dump("klend/3NJYftD5sjVfxSnUdZ1wVML8f3aC6mp1CXCL6L7TnU8C.json")
    loan = load_dump("klend/4w1qUuYbXpwYkqWzuovJFvP3TRt9EgEzYQv7kYY1nM3J.json")
    reserves = [load_dump(f"klend/{name}.json") for name in names]
    ledger = Ledger(seed=b"dumps", start_slot=298_271_860, start_time=1_730_163_600)
    place(ledger, [main, scope, loan, *reserves])
    async with serving(ledger, timeout_s=5.0) as (client, _):
        chain = chain_of(ledger)
        tokens = [dumped_token(chain, reserve) for reserve in reserves]
        terms = MarketTerms(
            protocol=KlendMarket, market=main.key, reserves=tuple(each.key for each in reserves)
        )
        reader = SolanaReader(client, markets=[terms], tokens=tokens, native=tokens[1], rescue=None)
        head = mint_anchor(chain, [CLOCK], await client.read_accounts([CLOCK]))
        owner = Pubkey(decode_obligation(chain, loan.key, loan).owner)
        snapshot = await reader.read(
            Head(anchor=head, parent_hash=b"", base_fee_wei=0), [AccountId(chain, str(owner))]
        )
    assert [price.usd for price in snapshot.prices] == [99_991_582, 17_858_116_104, 20_509_484_303]
    assert all(price.valid for price in snapshot.prices)
    ((_, reason),) = snapshot.unreadable
    assert "was not read" in reason  # it owes a token whose reserve is in no dump


def dumped_token(chain: ChainId, reserve: RawAccount) -> TokenTerms:
    mint = Pubkey(decode_reserve(chain, reserve.key, reserve).keys.mint)
    nowhere = PythTerms(
        account=CLOCK,
        feed=None,
        max_age_s=120,
        max_confidence=200,
        minimum=Usd(0),
        maximum=Usd(10**6 * USD),
    )
    asset = AssetId.spl(chain, Address(str(mint)))
    return TokenTerms(asset=asset, symbol=str(mint)[:8], decimals=9, feed=nowhere)
