"""Statements about vaults that four members of a committee sign."""

from dataclasses import replace

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.scheme import Scheme
from proofs.vault_document import VaultDocument
from proofs.vaults import ChainQuantities, FactKey, FactKind, VaultFact, VaultQuantities
from tests.proofs import keys
from tests.proofs.samples import DEPLOYMENT, NOW

ACCOUNT, ORDER = b"\xaa" * 32, b"\x0d" * 32
SOURCE = Address("0x" + "5e" * 20)
KEY = FactKey(kind=FactKind.RAISED, subject=ACCOUNT, numbers=(31_337, 31_338, 0))
FOUR = keys.committee(4)


def state(committee: Committee = FOUR) -> VaultFact:
    return VaultFact(
        committee_id=committee.id,
        chain_id=31_337,
        source=SOURCE,
        key=KEY.hash,
        value=10**18,
        height=77,
    )


def quantities(committee: Committee = FOUR) -> VaultQuantities:
    none = (0, 0)
    chain = ChainQuantities(
        chain_id=31_337,
        height=77,
        time=NOW,
        collateral=(5 * 10**18, 0),
        debt=none,
        locked=none,
        added=none,
        repaid=none,
        ordered_e8=0,
        lines_in=none,
    )
    other = replace(chain, chain_id=31_338, collateral=none, debt=(0, 9 * 10**21))
    return VaultQuantities(
        committee_id=committee.id,
        account=ACCOUNT,
        sequence=5,
        issued_at=NOW,
        chains=(chain, other),
    )


def sign(
    said: VaultFact | VaultQuantities,
    signers: tuple[int, ...] = (0, 1, 2),
    committee: Committee = FOUR,
) -> VaultDocument:
    key = KEY if isinstance(said, VaultFact) else None
    document = VaultDocument(deployment=DEPLOYMENT, committee=committee, said=said, key=key)
    signatures = keys.sign(Scheme.SECP256K1, document.digest, signers)
    return replace(document, signatures=signatures)
