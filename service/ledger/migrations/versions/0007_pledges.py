"""States of pledges and what was delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    with op.batch_alter_table("incidents") as table:
        table.add_column(
            sa.Column("is_kept_inside", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("pledges") as table:
        table.add_column(
            sa.Column("state", sa.String(length=20), server_default="pledged", nullable=False)
        )
        table.add_column(sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
        table.add_column(sa.Column("valid_from", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("valid_until", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("monthly_hours", sa.Double(), nullable=True))
        table.add_column(sa.Column("caveats", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "pledge_moves",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("pledge_id", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(length=20), nullable=False),
        sa.Column("after", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "mission_id", "pledge_id", "revision", name=op.f("pk_pledge_moves")
        ),
        sa.ForeignKeyConstraint(
            ["mission_id", "pledge_id"],
            ["pledges.mission_id", "pledges.pledge_id"],
            name=op.f("fk_pledge_moves_mission_id_pledge_id"),
        ),
    )
    op.create_table(
        "refusals",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=200), nullable=False),
        sa.Column("pledge_id", sa.String(length=200), nullable=False),
        sa.Column("refused_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_hours", sa.Double(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "request_id", name=op.f("pk_refusals")),
        sa.ForeignKeyConstraint(
            ["mission_id", "pledge_id"],
            ["pledges.mission_id", "pledges.pledge_id"],
            name=op.f("fk_refusals_mission_id_pledge_id"),
        ),
    )
    op.create_index(
        op.f("ix_refusals_mission_id_planned_at"), "refusals", ["mission_id", "planned_at"]
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_refusals_mission_id_planned_at"), table_name="refusals")
    op.drop_table("refusals")
    op.drop_table("pledge_moves")
    with op.batch_alter_table("pledges") as table:
        for name in (
            "caveats",
            "monthly_hours",
            "valid_until",
            "valid_from",
            "revision",
            "state",
        ):
            table.drop_column(name)
    with op.batch_alter_table("incidents") as table:
        table.drop_column("is_kept_inside")
