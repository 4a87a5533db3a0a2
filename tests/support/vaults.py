"""Two chains with vaults, a committee of four whose keys tests know, and everybody's shorthands.

The ground is made once for a session; a test takes it by the fixture `vaults`, which undoes what it
does. Any address may send, so what only the seizure may do can be sent in its name.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from eth_hash.auto import keccak

from chains.evm.decode import decode_quantity
from chains.model.ids import Address
from daemon.devnet.calls import encode_call
from daemon.devnet.own import deploy_verifier
from daemon.devnet.vaults import (
    VAULT_ASSETS,
    Ledger,
    VaultContracts,
    VaultTerms,
    deploy_vaults,
)
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.vaults import FactKey, FactKind, VaultFact, VaultLink, digest_vault, name_account
from tests.support.devnet import DevChain, derive_accounts, run_devnet
from tests.support.rescue import read_time

DEPLOYMENT: Final = "plimsoll-vault-test"
WETH, USDC = range(len(VAULT_ASSETS))
SCALE: Final = (1, 10**12)
"""Wad units of one base unit, by asset number."""
OWNER, LENDER, STRANGER, LIQUIDATOR, GUARDIAN, GOVERNOR = (
    account.address for account in derive_accounts()[1:7]
)
KEYS: Final = {account.address: account.key for account in derive_accounts()}
USER_SALT: Final = bytes(keccak(b"the owner's first account"))
HOUR: Final = 3_600
_WITNESS: Final = "uint64,uint256,bytes,bytes"
TERMS: Final = VaultTerms(deployment=DEPLOYMENT, owner=GOVERNOR, guardian=GUARDIAN)


def _signers() -> tuple[Secp256k1Signer, ...]:
    made = [Secp256k1Signer(bytes(keccak(b"member %d" % number))) for number in range(6)]
    return tuple(sorted(made, key=lambda signer: int(signer.address, 16)))


MEMBERS: Final = _signers()[:4]
"""The committee, in the order of the bitmap; three must sign."""
STRANGERS: Final = _signers()[4:]


def found_committee(members: tuple[Secp256k1Signer, ...] = MEMBERS) -> Committee:
    """Give the deployment's first committee."""
    addresses = [member.address for member in members]
    return Committee.first(DEPLOYMENT, addresses, 2 * len(members) // 3 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What goes with a statement: of which block, who signed, and the signatures."""

    height: int
    bitmap: int
    proof: bytes
    storage_proof: bytes = b""

    @property
    def arguments(self) -> tuple[int, int, bytes, bytes]:
        """As the contracts take it, last of all."""
        return self.height, self.bitmap, self.proof, self.storage_proof


def sign(digest: bytes, members: tuple[int, ...] = (0, 1, 2)) -> tuple[int, bytes]:
    """Give bitmap and joined signatures of some members."""
    bitmap = sum(1 << member for member in members)
    return bitmap, b"".join(MEMBERS[member].sign(digest) for member in sorted(members))


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultChain:
    """One chain of the ground: its contracts and what people do there.

    `amount`s are base units, `units` wad. Every call notes its gas by name.
    """

    chain: DevChain
    ledger: Ledger
    notary: Address
    seizure: Address
    judge: Address
    verifier: Address
    gas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list), repr=False)

    @property
    def number(self) -> int:
        """The chain's id."""
        return self.chain.deployment.number

    @property
    def vault(self) -> Address:
        """The vault's address."""
        return self.ledger.vault

    @property
    def pool(self) -> Address:
        """The pool's address."""
        return self.ledger.pool

    @property
    def now(self) -> int:
        """The newest block's time."""
        return read_time(self.chain)

    @property
    def height(self) -> int:
        """The newest block's height."""
        return self.chain.read_head().height

    def token(self, asset: int) -> Address:
        """Give a token's address by asset number."""
        return self.chain.deployment.tokens[VAULT_ASSETS[asset]].address

    def do(
        self, to: Address, signature: str, *args: object, sender: Address = OWNER
    ) -> Mapping[str, Any]:
        """Send a call; Reverted when it fails."""
        receipt = self.chain.send(to, signature, *args, sender=sender)
        self.gas[signature.partition("(")[0]].append(decode_quantity(receipt["gasUsed"]))
        return receipt

    def ask(self, to: Address, signature: str, *args: object, returns: str = "(uint256)") -> Any:  # noqa: ANN401 -- whatever it returns
        """Read a function; gives the one value, or the tuple of several."""
        found = self.chain.call(to, signature, *args, returns=returns)
        return found[0] if len(found) == 1 else found

    def encode(self, signature: str, *args: object) -> bytes:
        """Encode a call."""
        return encode_call(signature, *args)

    # What people do

    def fund(self, asset: int, holder: Address, amount: int) -> None:
        """Mint tokens and let vault and pool take any of them."""
        symbol = VAULT_ASSETS[asset]
        self.chain.mint(symbol, holder, amount)
        for spender in (self.vault, self.pool):
            self.chain.approve(symbol, spender, holder)

    def open(self, owner: Address = OWNER, salt: bytes = USER_SALT) -> bytes:
        """Open an account; gives its id."""
        self.do(self.vault, "open(bytes32)", salt, sender=owner)
        return self.name(owner, salt)

    def name(self, owner: Address = OWNER, salt: bytes = USER_SALT) -> bytes:
        """Give the id of an account whose home is this chain."""
        return name_account(TERMS.salt, self.number, owner, salt)

    def deposit(self, account: bytes, asset: int, amount: int, *, payer: Address = OWNER) -> None:
        """Mint tokens to a payer and deposit them."""
        self.fund(asset, payer, amount)
        self.do(self.vault, "deposit(bytes32,uint8,uint256)", account, asset, amount, sender=payer)

    def withdraw(self, account: bytes, asset: int, amount: int, *, sender: Address = OWNER) -> None:
        """Withdraw to the sender."""
        signature = "withdraw(bytes32,uint8,uint256,address)"
        self.do(self.vault, signature, account, asset, amount, sender, sender=sender)

    def borrow(self, account: bytes, asset: int, amount: int, *, sender: Address = OWNER) -> None:
        """Borrow to the sender."""
        signature = "borrow(bytes32,uint8,uint256,address)"
        self.do(self.vault, signature, account, asset, amount, sender, sender=sender)

    def repay(self, account: bytes, asset: int, amount: int, *, payer: Address = OWNER) -> None:
        """Repay with tokens the payer has."""
        self.chain.approve(VAULT_ASSETS[asset], self.pool, payer)
        signature = "repay(bytes32,uint8,uint256)"
        self.do(self.vault, signature, account, asset, amount, sender=payer)

    def supply(self, asset: int, amount: int, *, lender: Address = LENDER) -> None:
        """Mint tokens to a lender and supply them."""
        self.fund(asset, lender, amount)
        self.do(self.pool, "supply(uint8,uint256)", asset, amount, sender=lender)

    def raise_line(
        self, account: bytes, to: "VaultChain", asset: int, units: int, *, sender: Address = OWNER
    ) -> None:
        """Raise a line."""
        signature = "raise_line(bytes32,uint64,uint8,uint256)"
        self.do(self.vault, signature, account, to.number, asset, units, sender=sender)

    def lower_line(
        self,
        account: bytes,
        origin: "VaultChain",
        asset: int,
        units: int,
        *,
        sender: Address = OWNER,
    ) -> None:
        """Lower a line lent by `origin`."""
        signature = "lower_line(bytes32,uint64,uint8,uint256)"
        self.do(self.vault, signature, account, origin.number, asset, units, sender=sender)

    def take_raised(
        self,
        account: bytes,
        origin: "VaultChain",
        asset: int,
        raised: int,
        witness: Witness,
    ) -> None:
        """Bring the statement of a raise."""
        signature = f"take_raised(bytes32,uint64,uint8,uint256,{_WITNESS})"
        args = (account, origin.number, asset, raised, *witness.arguments)
        self.do(self.vault, signature, *args, sender=STRANGER)

    def take_lowered(
        self, account: bytes, to: "VaultChain", asset: int, lowered: int, witness: Witness
    ) -> None:
        """Bring the statement of a lowering."""
        signature = f"take_lowered(bytes32,uint64,uint8,uint256,{_WITNESS})"
        args = (account, to.number, asset, lowered, *witness.arguments)
        self.do(self.vault, signature, *args, sender=STRANGER)

    # What the contracts say

    def collateral(self, account: bytes, asset: int) -> int:
        """Read collateral in wad."""
        return int(self.ask(self.vault, "collateral(bytes32,uint8)", account, asset))

    def debt(self, account: bytes, asset: int) -> int:
        """Read a debt in wad."""
        return int(self.ask(self.vault, "debt(bytes32,uint8)", account, asset))

    def locked(self, account: bytes, asset: int) -> int:
        """Read locked collateral in wad."""
        return int(self.ask(self.vault, "locked(bytes32,uint8)", account, asset))

    def line_out(self, account: bytes, to: "VaultChain", asset: int) -> int:
        """Read a line lent to a chain, in wad."""
        signature = "line_out(bytes32,uint64,uint8)"
        return int(self.ask(self.vault, signature, account, to.number, asset))

    def line_in(self, account: bytes, origin: "VaultChain", asset: int) -> int:
        """Read a line lent by a chain, in wad."""
        signature = "line_in(bytes32,uint64,uint8)"
        return int(self.ask(self.vault, signature, account, origin.number, asset))

    def fact(self, key: FactKey, *, of_seizure: bool = False) -> int:
        """Read a fact."""
        source = self.seizure if of_seizure else self.vault
        return int(self.ask(source, "facts(bytes32)", key.hash))

    def balance(self, asset: int, holder: Address) -> int:
        """Read a token balance in base units."""
        return self.chain.balance(VAULT_ASSETS[asset], holder)

    def set_price(self, asset: int, usd: float) -> None:
        """Move what the vault's feed says."""
        self.chain.set_price(VAULT_ASSETS[asset], usd, protocol_only=True)

    def advance(self, seconds: int) -> None:
        """Let time pass, the feeds kept fresh."""
        self.chain.advance(seconds)
        self.chain.refresh_feeds()

    # Statements

    def witness(
        self,
        key: FactKey,
        *,
        word: int | None = None,
        of_seizure: bool = False,
        members: tuple[int, ...] = (0, 1, 2),
        **changes: Any,  # noqa: ANN401 -- any field of the statement
    ) -> Witness:
        """Let members sign that this chain's contract has the fact, as it is or as `word` says."""
        fields: dict[str, Any] = {
            "committee_id": found_committee().id,
            "chain_id": self.number,
            "source": self.seizure if of_seizure else self.vault,
            "key": key.hash,
            "value": self.fact(key, of_seizure=of_seizure) if word is None else word,
            "height": self.height,
        }
        fact = VaultFact(**(fields | changes))
        bitmap, proof = sign(digest_vault(fact, TERMS.salt), members)
        return Witness(height=fact.height, bitmap=bitmap, proof=proof)


def line_key(
    kind: FactKind, account: bytes, origin: VaultChain, to: VaultChain, asset: int
) -> FactKey:
    """Give the key of a line's RAISED or LOWERED."""
    return FactKey(kind=kind, subject=account, numbers=(origin.number, to.number, asset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Two chains with vaults that know each other."""

    a: VaultChain
    b: VaultChain

    @property
    def chains(self) -> tuple[VaultChain, VaultChain]:
        """Both."""
        return self.a, self.b

    def other(self, chain: VaultChain) -> VaultChain:
        """Give the other chain."""
        return self.b if chain is self.a else self.a

    def carry_raise(self, account: bytes, asset: int, *, origin: VaultChain | None = None) -> None:
        """Bring to the other chain what was ever raised on `origin` (a)."""
        origin = origin or self.a
        to = self.other(origin)
        key = line_key(FactKind.RAISED, account, origin, to, asset)
        to.take_raised(account, origin, asset, origin.fact(key), origin.witness(key))

    def carry_lower(self, account: bytes, asset: int, *, origin: VaultChain | None = None) -> None:
        """Bring to `origin` (a) what was ever given back to it on the other chain."""
        origin = origin or self.a
        to = self.other(origin)
        key = line_key(FactKind.LOWERED, account, origin, to, asset)
        origin.take_lowered(account, to, asset, to.fact(key), to.witness(key))

    def link(self, account: bytes, *, owner: Address = OWNER, salt: bytes = USER_SALT) -> None:
        """Let an account of chain a have an owner on chain b, the same address by default."""
        link_account(self.a, self.b, account, first_owner=OWNER, owner=owner, salt=salt)

    @contextmanager
    def reverting(self) -> Iterator[None]:
        """Undo on leaving whatever happens inside."""
        names = [place.chain.snapshot() for place in self.chains]
        try:
            yield
        finally:
            for place, name in zip(self.chains, names, strict=True):
                place.chain.revert(name)
                place.chain.refresh_feeds()


def sign_link(there: VaultChain, account: bytes, *, first_owner: Address, owner: Address) -> bytes:
    """Let a first owner name an owner on a chain."""
    nonce = int(there.ask(there.vault, "link_nonce(bytes32)", account))
    link = VaultLink(account=account, chain_id=there.number, owner=owner, nonce=nonce)
    return Secp256k1Signer(KEYS[first_owner]).sign(digest_vault(link, TERMS.salt))


def link_account(
    home: VaultChain,
    there: VaultChain,
    account: bytes,
    *,
    first_owner: Address,
    owner: Address,
    salt: bytes = USER_SALT,
) -> None:
    """Link an account by both signatures."""
    signature = sign_link(there, account, first_owner=first_owner, owner=owner)
    there.do(
        there.vault,
        "link(uint64,address,bytes32,bytes)",
        *(home.number, first_owner, salt, signature),
        sender=owner,
    )


def format_gas(ground: Ground) -> str:
    """Give a table of what calls used so far: least, most and how many, by the function's name."""
    used: dict[str, list[int]] = defaultdict(list)
    for place in ground.chains:
        for name, figures in place.gas.items():
            used[name] += figures
    rows = (f"{n:<20}{min(f):>9,}{max(f):>10,}{len(f):>5}" for n, f in sorted(used.items()))
    return "\n".join(rows)


@contextmanager
def open_vaults() -> Iterator[Ground]:
    """Start two chains with vaults as they are deployed for people."""
    with run_devnet() as net:
        verifiers = [(chain, _deploy_verifier(chain)) for chain in net.chains]
        placed = deploy_vaults(verifiers, TERMS)
        a, b = (_place(chain, placed[chain.deployment.number]) for chain in net.chains)
        yield Ground(a=a, b=b)


def _deploy_verifier(chain: DevChain) -> Address:
    return deploy_verifier(chain, deployment=DEPLOYMENT, committee=found_committee())


def _place(chain: DevChain, contracts: VaultContracts) -> VaultChain:
    return VaultChain(
        chain=chain,
        ledger=contracts.ledger,
        notary=contracts.notary,
        seizure=contracts.seizure,
        judge=contracts.judge,
        verifier=contracts.verifier,
    )
