"""Keep what is to be stated of vaults, and the newest statements of it by each committee."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "vault_fact",
        sa.Column("chain", sa.Integer, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("numbers", sa.String, nullable=False),
        sa.Column("account", sa.LargeBinary, nullable=False),
        sa.Column("consumer", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
    )
    op.create_index("vault_fact_subject", "vault_fact", ["subject"])
    op.create_table(
        "vault_presence",
        sa.Column("account", sa.LargeBinary, primary_key=True),
        sa.Column("chain", sa.Integer, primary_key=True),
    )
    op.create_table(
        "vault_statement",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("committee", sa.LargeBinary, nullable=False),
        sa.Column("chain", sa.Integer, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("committee", "chain", "source", "key", name="one_newest_statement"),
        sqlite_autoincrement=True,
    )
