"""Which committees speak of vaults now: those that vaults count, once all vaults show them.

A chain's notary says whose statements count there. While committees hand over, one vault may count
the new one and another the old: the old one goes on for those that count it, and the new one says
nothing until every vault that was read shows it in a final block. A vault that was not read yet
holds up nobody: its quantities are left out, and contracts count its lines as used.
"""

from dataclasses import dataclass

from daemon.committee.membership import Membership
from daemon.committee.vault_chain import VaultChains
from proofs.committee import Committee


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """One member's view of who may state what."""

    membership: Membership
    chains: VaultChains

    def committees(self) -> tuple[Committee, ...]:
        """Give the committees that may state something now, oldest first."""
        return tuple(c for c in self._counted() if self.find_hindrance(c) is None)

    def find_hindrance(self, committee: Committee) -> str | None:
        """Say why a committee may not state anything now, None where it may."""
        name = f"0x{committee.id.hex()}"
        if not self.chains.consumers(committee.id):
            return f"no vault counts {name}"
        for chain in self.chains.by_number.values():
            if chain.committees and self._newest_epoch(chain.committees) < committee.epoch:
                return f"{chain.node.chain} does not show {name} yet"
        return None

    def find_unknown(self) -> str | None:
        """Say which chain counts a committee that this member has not heard of."""
        for chain in self.chains.by_number.values():
            for id_ in chain.committees:
                if self.membership.chain.find(id_) is None:
                    return f"{chain.node.chain} counts 0x{id_.hex()}, which I do not know"
        return None

    def note(self) -> None:
        """Let those be heard whose committee some vault counts."""
        self.membership.counted = {
            id_ for chain in self.chains.by_number.values() for id_ in chain.committees
        }

    def _counted(self) -> tuple[Committee, ...]:
        counted = {id_ for chain in self.chains.by_number.values() for id_ in chain.committees}
        return tuple(c for c in self.membership.chain.committees if c.id in counted)

    def _newest_epoch(self, ids: tuple[bytes, ...]) -> int:
        """Give the epoch of the newest committee that a vault shows; what is unknown is newest."""
        known = self.membership.chain.committees
        places = [self.membership.chain.find(id_) for id_ in ids]
        return max(known[-1].epoch + 1 if p is None else known[p].epoch for p in places)
