"""Keep where vault accounts may owe: their quantities are stated before all others'."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; whoever is known may owe until a statement says that he does not."""
    op.create_table(
        "vault_debtor",
        sa.Column("account", sa.LargeBinary, primary_key=True),
        sa.Column("chain", sa.Integer, primary_key=True),
        sa.Column("height", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO vault_debtor SELECT account, chain, 0 FROM vault_presence")
