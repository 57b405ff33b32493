"""Versions of models in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    op.create_table(
        "models_in_force",
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sha256", sa.JSON(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_models_in_force")),
    )
    op.create_table(
        "model_changes",
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("before_model", sa.Text(), nullable=False),
        sa.Column("before_sha256", sa.JSON(), nullable=False),
        sa.Column("before_share", sa.Double(), nullable=False),
        sa.Column("after_model", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_model_changes")),
    )
    op.create_table(
        "shadow_looks",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("imagery_id", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("active_model", sa.String(length=200), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("detections", sa.JSON(), nullable=False),
        sa.Column("agreement", sa.JSON(), nullable=False),
        sa.Column("detection_count", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "imagery_id"],
            ["imagery.mission_id", "imagery.imagery_id"],
            name=op.f("fk_shadow_looks_mission_id_imagery_id"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "imagery_id", "model", name=op.f("pk_shadow_looks")),
    )
    op.create_index(op.f("ix_shadow_looks_model_looked_at"), "shadow_looks", ["model", "looked_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index(op.f("ix_shadow_looks_model_looked_at"), table_name="shadow_looks")
    op.drop_table("shadow_looks")
    op.drop_table("model_changes")
    op.drop_table("models_in_force")
