"""A Save market on the program of ours: reserves with liquidity, owners with positions."""

from dataclasses import dataclass, field
from random import Random

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import AccountId, ChainId
from chains.model.units import USD, Usd
from chains.oracles.pyth import RECEIVER
from chains.solana.accounts import CLOCK
from chains.solana.markets import AssetTerms, Target
from chains.solana.programs.instructions import (
    MARKET_BYTES,
    OBLIGATION_BYTES,
    LendingSetup,
    OraclePrice,
    ReserveAccounts,
    Terms,
    create_price,
    set_price,
)
from chains.solana.protocols.save.adapter import SaveMarket, SaveSnapshot
from chains.solana.protocols.save.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.save.instructions import Builder
from chains.solana.protocols.save.layout import PROGRAM
from chains.solana.protocols.save.state import Obligation, Reserve
from daemon.devnet.solana.market import plan_reserve
from tests.chains.solana.programs.lab import Lab

CHAIN = ChainId("solana", "EtWTRABZaYq6iMfeYKouRu166VU2xqa1")
RICH = 10**18
"""More tokens than any test spends."""


@dataclass
class Owner:
    """A wallet with its obligation and token accounts by mint."""

    key: Keypair
    obligation: Pubkey
    tokens: dict[Pubkey, Pubkey] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        return Target(account=AccountId(CHAIN, str(self.key.pubkey())), obligation=self.obligation)


@dataclass
class MarketLab:
    """One market with its reserves, in the order they were added."""

    lab: Lab
    setup: LendingSetup
    admin: Keypair
    reserves: list[ReserveAccounts] = field(default_factory=list)
    prices: dict[Pubkey, OraclePrice] = field(default_factory=dict)

    @classmethod
    def create(cls, lab: Lab | None = None) -> "MarketLab":
        """Set a market up, on a machine that is there already or on a new one."""
        lab = lab or Lab()
        lab.load("lending", PROGRAM)
        lab.load("oracle", RECEIVER)
        admin = lab.keypair()
        setup = LendingSetup(
            program=PROGRAM, market=lab.blank(PROGRAM, MARKET_BYTES), oracle_program=RECEIVER
        )
        lab.send(setup.init_market(admin.pubkey()), by=(admin,))
        return cls(lab, setup, admin)

    def add_reserve(self, terms: Terms, *, decimals: int, price: int) -> ReserveAccounts:
        """Add a reserve; the price is USD x 1e8."""
        lab, admin = self.lab, self.admin.pubkey()
        accounts, blanks = plan_reserve(
            self.setup, admin, decimals=decimals, make_key=lambda _: lab.key()
        )
        for blank in blanks:
            lab.put(blank.owner, blank.data, at=blank.key)
        lab.send(
            create_price(RECEIVER, accounts.oracle, admin, bytes(accounts.mint)), by=(self.admin,)
        )
        self.publish(accounts, OraclePrice(price=price, published_at=self.now))
        lab.send(self.setup.init_reserve(admin, accounts, terms), by=(self.admin,))
        self.reserves.append(accounts)
        return accounts

    @property
    def now(self) -> int:
        return self.lab.svm.get_clock().unix_timestamp

    def publish(self, accounts: ReserveAccounts, price: OraclePrice) -> None:
        """Set a reserve's price."""
        self.prices[accounts.oracle] = price
        instruction = set_price(RECEIVER, accounts.oracle, self.admin.pubkey(), price)
        self.lab.send(instruction, by=(self.admin,))

    def republish(self) -> None:
        """Publish all prices again, with the present time."""
        for accounts in self.reserves:
            old = self.prices[accounts.oracle]
            new = OraclePrice(
                price=old.price,
                published_at=self.now,
                exponent=old.exponent,
                confidence=old.confidence,
                smoothed=old.smoothed,
            )
            self.publish(accounts, new)

    def owner(self) -> Owner:
        """Give a new wallet with a blank obligation and tokens of every reserve."""
        return self.owner_of(self.lab.keypair())

    def owner_of(self, key: Keypair) -> Owner:
        """Give a wallet a further obligation and tokens of every reserve."""
        obligation = self.lab.blank(PROGRAM, OBLIGATION_BYTES)
        self.lab.send(self.setup.init_obligation(obligation, key.pubkey()), by=(key,))
        owner = Owner(key, obligation)
        for accounts in self.reserves:
            owner.tokens[accounts.mint] = self.lab.token(accounts.mint, key.pubkey(), RICH)
            owner.tokens[accounts.collateral_mint] = self.lab.token(
                accounts.collateral_mint, key.pubkey()
            )
        return owner

    @property
    def builder(self) -> Builder:
        market = self.setup.market
        return Builder(market=decode_market(CHAIN, market, self.lab.raw(market)))

    def reserve(self, accounts: ReserveAccounts) -> Reserve:
        return decode_reserve(CHAIN, accounts.reserve, self.lab.raw(accounts.reserve))

    def states(self) -> dict[bytes, Reserve]:
        return {bytes(a.reserve): self.reserve(a) for a in self.reserves}

    def obligation(self, owner: Owner) -> Obligation:
        return decode_obligation(CHAIN, owner.obligation, self.lab.raw(owner.obligation))

    def refresh(self, owner: Owner, *also: ReserveAccounts) -> None:
        """Refresh an obligation with its reserves, and others."""
        more = [bytes(accounts.reserve) for accounts in also]
        self.lab.send(*self.builder.refresh(self.obligation(owner), self.states(), more))

    def deposit(self, owner: Owner, accounts: ReserveAccounts, units: int) -> None:
        instruction = self.builder.deposit(
            self.reserve(accounts),
            self.obligation(owner),
            source=owner.tokens[accounts.mint],
            collateral=owner.tokens[accounts.collateral_mint],
            owner=owner.key.pubkey(),
            units=units,
        )
        self.lab.send(instruction, by=(owner.key,))

    def borrow(self, owner: Owner, accounts: ReserveAccounts, units: int) -> None:
        """Refresh all, then borrow."""
        self.refresh(owner, accounts)
        instruction = self.setup.borrow(
            accounts,
            owner.obligation,
            owner=owner.key.pubkey(),
            destination=owner.tokens[accounts.mint],
            units=units,
        )
        self.lab.send(instruction, by=(owner.key,))

    def market(self) -> SaveMarket:
        """Open the market as the adapter does."""
        assets = {
            accounts.mint: AssetTerms(symbol=f"T{i}", minimum=Usd(0), maximum=Usd(USD * 10**9))
            for i, accounts in enumerate(self.reserves)
        }
        plan = SaveMarket.plan_open(
            CHAIN,
            market=self.setup.market,
            reserves=[accounts.reserve for accounts in self.reserves],
            assets=assets,
        )
        return plan.decode({key: self.lab.find(key) for key in plan.keys})

    def read(self, *owners: Owner) -> SaveSnapshot:
        """Read owners through the adapter's plan."""
        plan = self.market().plan_read([owner.target for owner in owners])
        assert CLOCK in plan.keys
        return plan.decode({key: self.lab.find(key) for key in plan.keys})


def random_terms(random: Random) -> Terms:
    """Give terms that the program accepts, weights and dear rates among them."""
    optimal = random.choice([0, 50, 80, 90])
    low, middle = random.randint(0, 5), random.randint(5, 30)
    loan_to_value = random.randint(40, 70)
    threshold = random.randint(loan_to_value + 3, 85)
    bonus = random.randint(0, 8)
    return Terms(
        optimal_utilization=optimal,
        max_utilization=random.choice([optimal, 95, 100]) if optimal else 95,
        loan_to_value=loan_to_value,
        threshold=threshold,
        max_threshold=random.choice([threshold, threshold + 5]),
        min_rate=low,
        optimal_rate=middle,
        max_rate=random.randint(middle, 250),
        super_max_rate=random.randint(250, 3_000),
        bonus=bonus,
        max_bonus=random.randint(bonus, 20),
        liquidation_fee=random.randint(0, 50),
        take_rate=random.randint(0, 30),
        added_weight_bps=random.choice([0, 0, 2_500, 20_000]),
    )
