"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False, primary: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null, primary_key=primary)


def _integer(name: str, *, null: bool = False, primary: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, primary_key=primary)


def _blob(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _flag(name: str, *, null: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=null)


def upgrade() -> None:
    """Create every table."""
    _create_intents()
    _create_attempts()
    _create_records()


def _create_intents() -> None:
    optional = ("included_hash", "included_block")
    op.create_table(
        "intent",
        _integer("id", primary=True),
        _text("chain"),
        _text("sender", null=True),
        _integer("nonce", null=True),
        _text("state"),
        _text("reason", null=True),
        _text("effect", null=True),
        *(_text(name) for name in ("purpose", "need", "subject", "instrument", "market")),
        *(_text(name) for name in ("account", "asset", "units", "target")),
        _blob("data"),
        _text("value"),
        _integer("gas_limit"),
        _text("cost"),
        _text("moved"),
        _text("health_before", null=True),
        _text("decision"),
        *(_integer(name) for name in ("deadline", "created_at", "updated_at")),
        *(_blob(name, null=True) for name in optional),
        _integer("included_height", null=True),
        _flag("success", null=True),
        _integer("gas_used", null=True),
        _text("gas_price_wei", null=True),
        sa.UniqueConstraint("sender", "chain", "nonce", name="one_intent_per_nonce"),
    )
    op.create_index("intent_state", "intent", ["state"])


def _create_attempts() -> None:
    op.create_table(
        "attempt",
        _integer("id", primary=True),
        sa.Column("intent_id", sa.Integer(), sa.ForeignKey("intent.id"), nullable=False),
        _blob("tx_hash"),
        _blob("raw"),
        _integer("gas_limit"),
        _text("max_fee_wei"),
        _text("priority_fee_wei"),
        _flag("cancels"),
        _integer("height"),
        _integer("signed_at"),
        sa.UniqueConstraint("tx_hash"),
    )
    op.create_index("ix_attempt_intent_id", "attempt", ["intent_id"])
    op.create_table(
        "spend",
        sa.Column("intent_id", sa.Integer(), sa.ForeignKey("intent.id"), primary_key=True),
        _integer("at"),
        _text("chain"),
        _text("gas"),
        _text("moved"),
    )
    op.create_index("spend_at", "spend", ["at"])


def _create_records() -> None:
    op.create_table("meta", _text("key", primary=True), _text("value"))
    op.create_table(
        "checkpoint",
        _text("chain", primary=True),
        _text("market", primary=True),
        _integer("block"),
    )
    op.create_table(
        "borrower",
        _text("market", primary=True),
        _text("account", primary=True),
        _integer("block"),
    )
    op.create_table(
        "attestation",
        _text("account", primary=True),
        _integer("sequence", primary=True),
        _blob("digest"),
        _blob("envelope"),
        _text("document"),
    )
    figures = ("unified", "low", "high", "minimum_native", "rescuable", "collateral", "requirement")
    op.create_table(
        "health",
        _text("account", primary=True),
        _integer("at", primary=True),
        *(_text(name, null=True) for name in figures),
        _flag("complete"),
    )
    op.create_table(
        "latch",
        _text("asset", primary=True),
        _integer("latched_at"),
        _integer("agreed_since", null=True),
    )
