"""The margin accounts watched: who belongs to them and what their owners want done."""

from typing import Annotated

from pydantic import Field, StringConstraints

from chains.model.units import USD, Usd
from config.amounts import Ratio, UsdAmount
from config.base import Section
from config.identifiers import AccountRef, Hash

AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class BandSettings(Section):
    """Act below `trigger`, restore to `target`: health factors."""

    trigger: Ratio = Field(gt=0, description='the health factor to act below, such as "1.10"')
    target: Ratio = Field(gt=0, description='the health factor to restore, such as "1.20"')


class PolicySettings(Section):
    """What the owner wants; a band that is left out never triggers.

    `lines` is for a vault account: what may be spent on each chain where it owes, over the debt.
    """

    unified: BandSettings | None = Field(None, description="a table of trigger and target")
    native: BandSettings | None = Field(None, description="a table of trigger and target")
    lines: BandSettings | None = Field(None, description="a table of trigger and target")
    min_size: UsdAmount = Field(
        Usd(10 * USD), validation_alias="min_size_usd", description='dollars, such as "10"'
    )
    max_cost: UsdAmount = Field(
        Usd(50 * USD), validation_alias="max_cost_usd", description='dollars, such as "50"'
    )
    cooldown_s: int = Field(30, ge=0, description="seconds between two actions")
    deadline_s: int = Field(120, ge=1, description="seconds an action may take")


class AccountSettings(Section):
    """One margin account: its id, its members, and the policy; `salt` hides it in attestations.

    `vault` is the id of its account in the deployment's vaults, the same on every chain; a leg of
    it counts where the account's owner on that chain is a member.
    """

    id: AccountName = Field(description="a name of letters, digits, dots, dashes")
    members: tuple[AccountRef, ...] = Field(
        min_length=1, description="a list of CAIP-10 accounts such as eip155:1:0x…"
    )
    salt: Hash | None = Field(None, description="32 bytes as 0x and 64 hex digits")
    vault: Hash | None = Field(
        None, description="the id of its vault account, as 0x and 64 hex digits"
    )
    policy: PolicySettings = Field(PolicySettings(), description="a table of bands and limits")
