"""The daemon's own tables: API, keys, attestations, keeper."""

from pathlib import Path
from typing import Final

from pydantic import Field

from chains.model.units import USD, Usd
from config.amounts import UsdAmount
from config.base import Section
from config.identifiers import AccountRef, FilePath


class ApiSettings(Section):
    """Where the HTTP service listens; port 0 picks a free one."""

    host: str = Field("127.0.0.1", min_length=1, description="an address of this machine")
    port: int = Field(8480, ge=0, le=65_535, description="a TCP port, 0 to 65535")


class KeySettings(Section):
    """The keeper's keys.

    A keystore (version 3) and the file that holds its password serve EVM chains and attestations,
    a keypair file as solana-keygen writes it serves Solana. An attestation keystore takes the
    attestations over, so that who signs them sends nothing. Left out, `keystore`, `password`,
    `attestation_keystore`, `attestation_password` and `solana_keypair` in
    `$CREDENTIALS_DIRECTORY` are used where they exist.
    """

    keystore: FilePath | None = Field(None, description="the path of a keystore file")
    password_file: FilePath | None = Field(None, description="the path of a password file")
    attestation_keystore: FilePath | None = Field(None, description="the path of a keystore file")
    attestation_password_file: FilePath | None = Field(
        None, description="the path of a password file"
    )
    solana_keypair: FilePath | None = Field(
        None, description="the path of a keypair file of solana-keygen"
    )


class AttestationSettings(Section):
    """How often health is attested, for how long it holds, and the skew it bears.

    One digest is signed in each `period_s`; a fresh one every `refresh_s`, or as soon as one is
    needed to act.
    """

    period_s: int = Field(1, ge=1, le=86_400, description="seconds that share a sequence number")
    refresh_s: int = Field(12, ge=1, le=86_400, description="seconds between attestations")
    ttl_s: int = Field(120, ge=1, le=86_400, description="seconds an attestation is valid")
    max_skew_s: int = Field(60, ge=1, le=86_400, description="seconds between chains' blocks")


class KeeperSettings(Section):
    """What the keeper may do, and spend: Usd x 1e8 per transaction, hour and day.

    `watch` adds borrowers to those found in the markets' logs. `vaults_for_all` has statements and
    receipts in the vaults carried for everybody (of strangers no links and no dust), not for our
    own accounts and claims alone.
    """

    liquidate: bool = Field(default=False, description="true or false")
    min_profit: UsdAmount = Field(
        Usd(5 * USD), validation_alias="min_profit_usd", description='dollars, such as "5"'
    )
    max_per_transaction: UsdAmount = Field(
        Usd(50 * USD),
        validation_alias="max_per_transaction_usd",
        description='dollars of cost, such as "50"',
    )
    max_per_hour: UsdAmount = Field(
        Usd(100 * USD),
        validation_alias="max_per_hour_usd",
        description='dollars of cost, such as "100"',
    )
    max_per_day: UsdAmount = Field(
        Usd(500 * USD),
        validation_alias="max_per_day_usd",
        description='dollars of cost, such as "500"',
    )
    watch: tuple[AccountRef, ...] = Field((), description="a list of CAIP-10 accounts")
    vaults_for_all: bool = Field(default=True, description="true or false")


DEFAULT_STATE: Final = Path(".plimsoll/state")
