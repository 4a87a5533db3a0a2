"""The tables, as SQLModel declares them; migrations/ creates them.

Ids are CAIP text, amounts above 2**63 and money are decimal text, times are integer seconds,
hashes and signed bytes are blobs. Rows are written and read by statement, never through ORM
sessions: the models are the schema's one declaration and the migrations are tested against them.
"""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class MetaRow(SQLModel, table=True):
    """Small facts: the reason of a halt, the deployment this file belongs to."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


class IntentRow(SQLModel, table=True):
    """One thing the keeper means to do with one nonce; see daemon.keeper.intent.

    On Solana `nonce` is our own running number, and `unit_price` what is offered for a unit.
    """

    __tablename__ = "intent"
    __table_args__ = (
        UniqueConstraint("sender", "chain", "nonce", name="one_intent_per_nonce"),
        Index("intent_state", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    chain: str
    sender: str | None
    nonce: int | None
    state: str
    reason: str | None
    effect: str | None
    purpose: str
    need: str
    subject: str
    instrument: str
    market: str
    account: str
    asset: str
    units: str
    target: str
    data: bytes
    value: str
    gas_limit: int
    cost: str
    moved: str
    health_before: str | None
    decision: str
    deadline: int
    unit_price: int
    created_at: int
    updated_at: int
    included_hash: bytes | None
    included_block: bytes | None
    included_height: int | None
    success: bool | None
    gas_used: int | None
    gas_price_wei: str | None


class AttemptRow(SQLModel, table=True):
    """One signed transaction of an intent: the first, a replacement, or its cancellation.

    Solana's have a `last_valid_height`; both fees are then micro-lamports for a compute unit.
    """

    __tablename__ = "attempt"
    id: int | None = Field(default=None, primary_key=True)
    intent_id: int = Field(foreign_key="intent.id", index=True)
    tx_hash: bytes = Field(unique=True)
    raw: bytes
    gas_limit: int
    max_fee_wei: str
    priority_fee_wei: str
    cancels: bool
    height: int
    signed_at: int
    last_valid_height: int | None


class SpendRow(SQLModel, table=True):
    """What an intent spends, counted against the limits (Usd x 1e8)."""

    __tablename__ = "spend"
    __table_args__ = (Index("spend_at", "at"),)
    intent_id: int = Field(primary_key=True, foreign_key="intent.id")
    at: int
    chain: str
    gas: str
    moved: str


class CheckpointRow(SQLModel, table=True):
    """The last block of a market whose logs were scanned."""

    __tablename__ = "checkpoint"
    chain: str = Field(primary_key=True)
    market: str = Field(primary_key=True)
    block: int


class BorrowerRow(SQLModel, table=True):
    """An account that borrowed in a market once."""

    __tablename__ = "borrower"
    market: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    block: int


class AttestationRow(SQLModel, table=True):
    """What was signed: one digest per account and sequence, written before it is released."""

    __tablename__ = "attestation"
    account: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    digest: bytes
    envelope: bytes
    document: str


class EvidenceRow(SQLModel, table=True):
    """What proves an attestation's leaves of one chain; `codes` are hashes, one after the other."""

    __tablename__ = "evidence"
    account: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    chain: str = Field(primary_key=True)
    bundle: bytes
    codes: bytes


class CodeRow(SQLModel, table=True):
    """A contract's code, which many files of evidence need."""

    __tablename__ = "code"
    hash: bytes = Field(primary_key=True)
    code: bytes


class VaultFactRow(SQLModel, table=True):
    """A fact of a vault's contract that final logs told of, and at which height last.

    `subject` is an account or an order, `numbers` a JSON list; see proofs.vaults. `consumer` is the
    chain whose contracts take statements of it, 0 while it is not known where an order was locked.
    """

    __tablename__ = "vault_fact"
    __table_args__ = (Index("vault_fact_subject", "subject"),)
    chain: int = Field(primary_key=True)
    source: str = Field(primary_key=True)
    key: bytes = Field(primary_key=True)
    kind: str
    subject: bytes
    numbers: str
    account: bytes
    consumer: int
    height: int


class VaultPresenceRow(SQLModel, table=True):
    """A chain on which a vault account has, or had, anything."""

    __tablename__ = "vault_presence"
    account: bytes = Field(primary_key=True)
    chain: int = Field(primary_key=True)


class VaultDebtorRow(SQLModel, table=True):
    """A chain on which an account borrowed, last at `height`, and was not seen without debt."""

    __tablename__ = "vault_debtor"
    account: bytes = Field(primary_key=True)
    chain: int = Field(primary_key=True)
    height: int


class VaultStatementRow(SQLModel, table=True):
    """The newest statement of a fact, or of an account's quantities, by a committee.

    `ordinal` is a fact's height or the sequence of quantities, whose chain is 0, whose source is
    empty and whose key is the account. A newer one takes a new id.
    """

    __tablename__ = "vault_statement"
    __table_args__ = (
        UniqueConstraint("committee", "chain", "source", "key", name="one_newest_statement"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    committee: bytes
    chain: int
    source: str
    key: bytes
    ordinal: int
    document: bytes


class HealthRow(SQLModel, table=True):
    """One point of an account's history (health factors x 1e18, Usd x 1e8)."""

    __tablename__ = "health"
    account: str = Field(primary_key=True)
    at: int = Field(primary_key=True)
    unified: str | None
    low: str | None
    high: str | None
    minimum_native: str | None
    rescuable: str | None
    collateral: str | None
    requirement: str | None
    complete: bool


class OutlookRow(SQLModel, table=True):
    """The volatility put in force at a moment; `document` is JSON with all it follows from."""

    __tablename__ = "outlook"
    underlying: str = Field(primary_key=True)
    at: int = Field(primary_key=True)
    model: str
    inputs: bytes
    document: bytes


class LatchRow(SQLModel, table=True):
    """A divergence latch that is closed, and since when."""

    __tablename__ = "latch"
    asset: str = Field(primary_key=True)
    latched_at: int


class VaultLogRow(SQLModel, table=True):
    """A log of a vault, or of its seizure contract, in a final block; `position` is its index."""

    __tablename__ = "vault_log"
    vault: str = Field(primary_key=True)
    height: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    address: str
    topics: bytes
    data: bytes
    block_hash: bytes
    tx_hash: bytes


METADATA = SQLModel.metadata
"""The schema as declared above."""
