"""The whole configuration: read once, validated, frozen, passed on as arguments.

`config.load` lays files and environment over each other; `Settings` itself reads nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from chains.model.ids import SOLANA, ChainId
from config import checks
from config.accounts import AccountSettings
from config.books import BookSettings, TierSettings, find_book_conflicts
from config.chains import Label, Symbol
from config.committee import CommitteeSettings
from config.evm import EvmSettings
from config.forms import FormSettings, TierName, UnderlyingSettings
from config.house import (
    DEFAULT_STATE,
    ApiSettings,
    AttestationSettings,
    KeeperSettings,
    KeySettings,
)
from config.identifiers import FilePath
from config.routes import RouteSettings, find_route_conflicts
from config.solana import SolanaSettings

_EVM_TAG: Final = "[evm]"
_SOLANA_TAG: Final = "[solana]"


def _choose_world(chain: object) -> str:
    """Say by the CAIP-2 id which world a chain's table is of; what is none is judged as EVM."""
    caip2 = chain.get("caip2") if isinstance(chain, Mapping) else getattr(chain, "caip2", None)
    return _SOLANA_TAG if str(caip2).startswith(f"{SOLANA}:") else _EVM_TAG


Chain = Annotated[
    Annotated[EvmSettings, Tag(_EVM_TAG)] | Annotated[SolanaSettings, Tag(_SOLANA_TAG)],
    Discriminator(_choose_world),
]


class Settings(BaseSettings):
    """Everything an operator may set; see docs/operators.md."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    mode: Literal["dry-run", "live"] = Field("dry-run", description='"dry-run" or "live"')
    deployment: str = Field(
        min_length=1, max_length=128, description="a name of this deployment that nobody else uses"
    )
    state_dir: FilePath = Field(DEFAULT_STATE, description="the directory for the journal")
    api: ApiSettings = Field(ApiSettings(), description="a table of host and port")
    keys: KeySettings = Field(KeySettings(), description="a table of file paths")
    attestation: AttestationSettings = Field(
        AttestationSettings(), description="a table of seconds"
    )
    committee: CommitteeSettings | None = Field(
        None, description="a table of threshold, listen and members; left out, a committee of one"
    )
    keeper: KeeperSettings = Field(KeeperSettings(), description="a table of limits")
    chains: Mapping[Label, Chain] = Field(
        min_length=1, description="tables of chains by label, such as [chains.base]"
    )
    underlyings: Mapping[Symbol, UnderlyingSettings] = Field(
        default_factory=dict, description="tables of weights by symbol"
    )
    forms: Mapping[Symbol, FormSettings] = Field(
        default_factory=dict, description="tables of forms by symbol, such as [forms.wstETH]"
    )
    tiers: Mapping[TierName, TierSettings] = Field(
        default_factory=dict, description="tables of thresholds, such as [tiers.major]"
    )
    accounts: tuple[AccountSettings, ...] = Field((), description="a list of margin accounts")
    books: tuple[BookSettings, ...] = Field(
        (), description="a list of books that venues or operators publish"
    )
    routes: tuple[RouteSettings, ...] = Field(
        (), description="a list of routes between chains and venues"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is passed and nothing else: the layers are laid in `config.load`."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        problems = checks.find_conflicts(self.chains, self.accounts, self.underlyings, self.forms)
        problems += find_book_conflicts(self.books, self.accounts, self.underlyings, self.tiers)
        problems += find_route_conflicts(self.routes, self.chains, self.books)
        if problems:
            raise PydanticCustomError("conflict", "{lines}", {"lines": "\n".join(problems)})
        return self

    @property
    def live(self) -> bool:
        """Whether transactions may be sent."""
        return self.mode == "live"

    @property
    def labels(self) -> Mapping[ChainId, str]:
        """The label of every chain."""
        return {chain.caip2: label for label, chain in self.chains.items()}

    @property
    def evm(self) -> Mapping[str, EvmSettings]:
        """The chains of the Ethereum kind, by label."""
        return {k: chain for k, chain in self.chains.items() if isinstance(chain, EvmSettings)}

    @property
    def solana(self) -> Mapping[str, SolanaSettings]:
        """The Solana chains, by label."""
        return {k: chain for k, chain in self.chains.items() if isinstance(chain, SolanaSettings)}
