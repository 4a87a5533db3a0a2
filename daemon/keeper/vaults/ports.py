"""What the vaults' keeper asks of the committee: statements that a quorum signed."""

from typing import Protocol

from proofs.vault_document import VaultDocument
from proofs.vaults import FactKey


class VaultStatements(Protocol):
    """Statements about vaults that a quorum signed, as far as they are known here."""

    async def find_fact(self, chain: int, key: FactKey) -> VaultDocument | None:
        """Give the newest statement of a fact of a chain's vault or seizure; None without one."""
        ...

    async def find_quantities(self, account: bytes) -> VaultDocument | None:
        """Give the newest statement of what an account has on all chains; None without one."""
        ...
