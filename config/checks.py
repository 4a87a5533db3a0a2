"""What no single field can see: whether the tables agree with each other."""

from collections.abc import Iterator, Mapping, Sequence

from chains.model.ids import AccountId, ChainId
from config.accounts import AccountSettings, BandSettings
from config.chains import ChainSettings
from config.evm import ABSENT, EvmSettings
from config.forms import FormSettings, UnderlyingSettings
from config.solana import SolanaSettings


def find_conflicts(
    chains: Mapping[str, ChainSettings],
    accounts: Sequence[AccountSettings],
    underlyings: Mapping[str, UnderlyingSettings],
    forms: Mapping[str, FormSettings],
) -> list[str]:
    """Give one line for each disagreement, the field's path first."""
    return [
        *_chains_twice(chains),
        *_forms(underlyings, forms),
        *_tokens(chains, underlyings, forms),
        *_pools(chains),
        *_vaults(chains, forms),
        *_vault_accounts(chains, accounts),
        *_ids_twice(accounts),
        *_members(accounts, {chain.caip2 for chain in chains.values()}),
        *_bands(accounts),
    ]


def _chains_twice(chains: Mapping[str, ChainSettings]) -> Iterator[str]:
    seen: dict[ChainId, str] = {}
    for label, chain in chains.items():
        if (other := seen.setdefault(chain.caip2, label)) != label:
            yield (
                f"chains.{label}.caip2: is {chain.caip2}, as is chains.{other}; "
                "write each chain once, with all its endpoints"
            )


def _forms(
    underlyings: Mapping[str, UnderlyingSettings], forms: Mapping[str, FormSettings]
) -> Iterator[str]:
    for symbol, form in forms.items():
        if form.underlying not in underlyings:
            yield (
                f"forms.{symbol}.underlying: {form.underlying} has no weights; "
                f"write a table [underlyings.{form.underlying}]"
            )
        if symbol in underlyings:
            yield (
                f"forms.{symbol}: is an underlying too; write one table, "
                f"[forms.{symbol}] or [underlyings.{symbol}]"
            )


def _tokens(
    chains: Mapping[str, ChainSettings],
    underlyings: Mapping[str, UnderlyingSettings],
    forms: Mapping[str, FormSettings],
) -> Iterator[str]:
    for label, chain in chains.items():
        for symbol, token in chain.tokens.items():
            where = f"chains.{label}.tokens.{symbol}"
            if symbol not in underlyings and symbol not in forms:
                yield f"{where}: {symbol} has no weights; write a table [underlyings.{symbol}]"
            staked = symbol in forms and forms[symbol].kind == "staked"
            if staked and token.ratio is None:
                yield f"{where}.ratio: is missing; write where {symbol}'s ratio is read"
            if token.ratio is not None and not staked:
                yield f"{where}.ratio: {symbol} is no staked form; write none"
            if token.minimum >= token.maximum:
                yield f"{where}.minimum: is not below maximum; write the lower bound here"
        if chain.native_symbol not in chain.tokens:
            yield (
                f"chains.{label}.native_symbol: {chain.native_symbol} is no token of this chain; "
                f"write one of {', '.join(chain.tokens) or 'its tokens, of which there is none'}"
            )


def _pools(chains: Mapping[str, ChainSettings]) -> Iterator[str]:
    for label, chain in chains.items():
        if not isinstance(chain, SolanaSettings):
            continue
        known = {token.address for token in chain.tokens.values()}
        for index, pool in enumerate(chain.pools):
            for place, mint in enumerate(pool.mints):
                if mint not in known:
                    yield (
                        f"chains.{label}.pools[{index}].mints[{place}]: {mint} is no token of this "
                        "chain; write a table for it under tokens"
                    )


def _vaults(
    chains: Mapping[str, ChainSettings], forms: Mapping[str, FormSettings]
) -> Iterator[str]:
    numbered: dict[int, tuple[str, str]] = {}
    for label, chain in chains.items():
        if not isinstance(chain, EvmSettings) or chain.vault is None:
            continue
        yield from _vault_assets(f"chains.{label}.vault.assets", chain, chain.vault.assets)
        for number, symbol in enumerate(chain.vault.assets):
            if symbol == ABSENT:
                continue
            underlying = forms[symbol].underlying if symbol in forms else symbol
            first, known = numbered.setdefault(number, (label, underlying))
            if known != underlying:
                yield (
                    f"chains.{label}.vault.assets[{number}]: is {symbol}, but asset {number} is "
                    f"{known} in chains.{first}; write the same asset at a number on every chain"
                )


def _vault_assets(where: str, chain: ChainSettings, assets: Sequence[str]) -> Iterator[str]:
    for number, symbol in enumerate(assets):
        if symbol == ABSENT:
            continue
        if symbol not in chain.tokens:
            yield f"{where}[{number}]: {symbol} is no token of this chain; write one of its tokens"
        if symbol in assets[:number]:
            yield f"{where}[{number}]: {symbol} has a number already; write each asset once"


def _vault_accounts(
    chains: Mapping[str, ChainSettings], accounts: Sequence[AccountSettings]
) -> Iterator[str]:
    has_vault = any(isinstance(c, EvmSettings) and c.vault is not None for c in chains.values())
    owners: dict[bytes, str] = {}
    for index, account in enumerate(accounts):
        if account.vault is None:
            continue
        where = f"accounts[{index}].vault"
        if not has_vault:
            yield f"{where}: no chain has a vault; write a table [chains.….vault] for each that has"
        if account.vault in owners:
            yield (
                f"{where}: is that of {owners[account.vault]!r} already; "
                "write it in one account only"
            )
        owners.setdefault(account.vault, account.id)
        members = {member.chain for member in account.members}
        for label, chain in chains.items():
            if isinstance(chain, EvmSettings) and chain.vault and chain.caip2 not in members:
                yield (
                    f"accounts[{index}].members: chains.{label} has a vault and the account nobody "
                    f"there; write who owns the vault account on {chain.caip2}"
                )


def _ids_twice(accounts: Sequence[AccountSettings]) -> Iterator[str]:
    seen: set[str] = set()
    for index, account in enumerate(accounts):
        if account.id in seen:
            yield f"accounts[{index}].id: {account.id!r} is taken; write another name"
        seen.add(account.id)


def _members(accounts: Sequence[AccountSettings], chains: set[ChainId]) -> Iterator[str]:
    owners: dict[AccountId, str] = {}
    for index, account in enumerate(accounts):
        for place, member in enumerate(account.members):
            where = f"accounts[{index}].members[{place}]"
            if member.chain not in chains:
                yield f"{where}: {member.chain} is not configured; write a table [chains.…] for it"
            if member in owners:
                yield (
                    f"{where}: {member} is already a member of {owners[member]!r}; "
                    "write it in one account only, once"
                )
            owners.setdefault(member, account.id)


def _bands(accounts: Sequence[AccountSettings]) -> Iterator[str]:
    for index, account in enumerate(accounts):
        bands: dict[str, BandSettings | None] = {
            "unified": account.policy.unified,
            "native": account.policy.native,
            "lines": account.policy.lines,
        }
        for name, band in bands.items():
            if band is not None and band.trigger >= band.target:
                yield (
                    f"accounts[{index}].policy.{name}.trigger: is not below target; "
                    "write a trigger lower than the target"
                )
