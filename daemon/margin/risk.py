"""Which assets are one underlying, in which form, and how each underlying is weighted.

An asset is a form of an underlying: issued as it, wrapped, bridged, or staked. Forms share their
underlying's price range, so the worst of them lowers every collateral of it and raises every debt:
only what is bound to the underlying is declared as its form. What may lose its peg while its
issuer stands is an underlying of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chains.model.ids import VENUE, AssetId
from chains.model.units import BPS, Bps


class Tier(StrEnum):
    """How an underlying behaves."""

    STABLE = "stable"
    MAJOR = "major"
    ALT = "alt"


class FormKind(StrEnum):
    """What binds a token to its underlying."""

    NATIVE = "native"
    WRAPPED = "wrapped"
    BRIDGED = "bridged"
    STAKED = "staked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A token's form: who issued it and what stands behind it; both may be empty for NATIVE.

    A STAKED form counts with its ratio to the underlying, which is read on chain. `haircut` is
    taken off in addition to the underlying's; `divergence` and `divergence_hold_s` take the place
    of the underlying's, None leaves them.
    """

    symbol: str
    underlying: str
    kind: FormKind = FormKind.NATIVE
    issuer: str = ""
    backing: str = ""
    haircut: Bps = Bps(0)
    divergence: Bps | None = None
    divergence_hold_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Underlying:
    """One underlying's weights, and how far its market may stray before discretion stops.

    `haircut` lowers collateral, `debt_weight` (≥ 10⁴) raises debt; `divergence` latches when
    protocol and market price differ by more, until they agree for `divergence_hold_s`.
    """

    symbol: str
    tier: Tier = Tier.ALT
    haircut: Bps = Bps(0)
    debt_weight: Bps = Bps(BPS)
    divergence: Bps = Bps(200)
    divergence_hold_s: int = 300

    def as_form(self, form: Form) -> "Underlying":
        """Give the weights with which a form of it counts."""
        hold_s = form.divergence_hold_s
        return replace(
            self,
            haircut=Bps(min(BPS, self.haircut + form.haircut)),
            divergence=self.divergence if form.divergence is None else form.divergence,
            divergence_hold_s=self.divergence_hold_s if hold_s is None else hold_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTable:
    """The declared underlyings and forms, and which of them each asset is.

    `assets` gives a form's symbol, or the underlying's where the asset is the thing itself.
    """

    underlyings: Mapping[str, Underlying]
    assets: Mapping[AssetId, str]
    forms: Mapping[str, Form] = field(default_factory=dict)

    def form_of(self, asset: AssetId) -> Form | None:
        """Give the asset's form; None where it is not declared.

        A venue's spot balance is the underlying itself, by its symbol.
        """
        symbol = self.assets.get(asset)
        if symbol is None and asset.chain.namespace == VENUE:
            symbol = asset.reference if asset.reference in self.underlyings else None
        if symbol is None:
            return None
        return self.forms.get(symbol) or Form(symbol=symbol, underlying=symbol)

    def is_staked(self, asset: AssetId) -> bool:
        """Whether the asset counts with a ratio."""
        form = self.form_of(asset)
        return form is not None and form.kind is FormKind.STAKED

    def underlying_of(self, asset: AssetId) -> Underlying:
        """Give the asset's underlying with the weights of the asset's form.

        One that is not declared is its own and counts nothing: as collateral it has a haircut of
        100 %, as debt its full value. Unknown is never healthy.
        """
        form = self.form_of(asset)
        if form is None:
            return Underlying(symbol=str(asset), haircut=Bps(BPS))
        return self.underlyings[form.underlying].as_form(form)
