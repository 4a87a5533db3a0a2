"""What the vaults' keeper knows at one moment, chain by chain: pure values.

Chains are named by their EIP-155 numbers, assets by the deployment's; units are wad.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chains.evm.protocols.plimsoll_vault.adapter import AccountRead
from chains.evm.protocols.plimsoll_vault.ledger import Ledger
from chains.evm.protocols.plimsoll_vault.state import Asset, SeizureTerms
from chains.model.action import Call
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.snapshot import NOBODY, ChainFees
from chains.model.units import WAD, Usd, div_down
from daemon.keeper.vaults.pairs import Place
from daemon.margin.risk import Tier
from proofs.vault_document import Carried, VaultDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSite:
    """A chain's vault as configured, and the contracts it names."""

    vault: AccountId
    seizure: Address
    judge: Address
    pool: Address
    block_s: int
    tiers: Mapping[int, Tier]

    @property
    def chain(self) -> ChainId:
        """The chain."""
        return self.vault.chain

    @property
    def number(self) -> int:
        """The chain's EIP-155 number."""
        return self.chain.evm_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What the keeper's key holds of a token, and how much of it the pool may take."""

    balance: int
    allowance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """One chain as it was read at `anchor`; blocks up to `final` cannot be undone.

    `sequences` are those of the newest quantities brought to this chain, by account, and
    `issued_at` when they were issued (seconds). `funds` is what the insurance fund of each asset
    holds, `written_down` what of a debt is a loss already, by account and asset. `rooms` is
    what may be added to a line, by whether it comes in, the other chain and the asset. `anchors`
    are the contracts that know other chains' states here: their facts need storage proofs.
    """

    site: VaultSite
    anchor: BlockAnchor
    final: BlockAnchor
    fees: ChainFees
    assets: tuple[Asset, ...]
    terms: SeizureTerms
    accounts: Mapping[bytes, AccountRead]
    sequences: Mapping[bytes, int]
    issued_at: Mapping[bytes, int]
    purse: Mapping[int, Purse]
    claim_rooms: Mapping[int, int]
    funds: Mapping[int, int]
    written_down: Mapping[tuple[bytes, int], int]
    rooms: Mapping[tuple[bool, int, int], int]
    keeper: Address = NOBODY
    anchors: Mapping[int, Address] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The chain's EIP-155 number."""
        return self.site.number

    @property
    def place(self) -> Place:
        """The chain as steps are priced there."""
        return Place(
            chain=self.site.chain,
            fees=self.fees,
            block_s=self.site.block_s,
            finality_s=max(self.site.block_s, self.anchor.time - self.final.time),
            anchored=frozenset(map(ChainId.evm, self.anchors)),
        )

    def asset_id(self, number: int) -> AssetId:
        """Give an asset's token here; the chain's own coin where it has none."""
        token = self.assets[number].token if number < len(self.assets) else None
        if token is None:
            return AssetId(self.site.chain, "slip44", "60")
        return AssetId.erc20(self.site.chain, token)

    def value(self, number: int, units: int) -> Usd:
        """Give what units are worth here, rounded down; nothing without a good price."""
        price = self.assets[number].price if number < len(self.assets) else None
        return Usd(div_down(units * price, WAD) if price else 0)

    def weighs(self, account: bytes) -> bool:
        """Say whether some collateral of an account here counts: more than dust."""
        held = enumerate(self.accounts[account].legs.collateral)
        return any(units and self.value(n, units) >= self.terms.min_leg for n, units in held)


FactName = tuple[int, bytes, int]
"""A fact's chain, the hash of its key, and the chain whose contracts take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountScene:
    """One account over all chains that were read.

    `facts` are the statements at hand of what its ledger waits for, `quantities` the newest of what
    it has as each chain takes it; `told` are both healths on a chain once those were brought there.
    `unrooted` are stated facts whose chain does not know the state yet that a proof is held
    against, each with the call that comes first, None where nothing can be called yet.
    """

    account: bytes
    ledger: Ledger
    views: Mapping[int, ChainView]
    facts: Mapping[FactName, Carried]
    quantities: Mapping[int, VaultDocument]
    told: Mapping[int, tuple[int, int]]
    unrooted: Mapping[FactName, Call | None] = field(default_factory=dict)

    @property
    def owes(self) -> bool:
        """Whether something is owed on some chain that was read."""
        found = (view.accounts.get(self.account) for view in self.views.values())
        return any(any(one.legs.debt) for one in found if one)

    def posts(self, number: int) -> bool:
        """Say whether there are quantities that a chain was not told yet."""
        document = self.quantities.get(number)
        if document is None:
            return False
        known = self.views[number].sequences.get(self.account, 0)
        return getattr(document.said, "sequence", 0) > known
