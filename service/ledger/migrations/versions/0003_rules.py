"""Rules as documents, who set them, deletion as a revision; imagery by the time it was taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FIGURES = ("radius_m", "min_confidence", "possible_probability", "alert_probability")
_BY_TIME = "ix_imagery_mission_id_captured_at"
_SHARED = ("mission_id", "rule_id", "revision", "updated_at")


def upgrade() -> None:
    """Make the tables and columns of this revision."""
    _replace(
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        before=_columns_before(),
        converted=lambda row: {
            "deleted": 0,
            "document": {
                "name": row["rule_id"],
                "categories": row["categories"],
                "position_kinds": row["position_kinds"],
                **{name: row[name] for name in _FIGURES},
            },
            "set_by": "",
        },
    )
    op.create_index(_BY_TIME, "imagery", ["mission_id", "captured_at"])


def downgrade() -> None:
    """Take them away, and with them all that rules could not say before."""
    op.drop_index(_BY_TIME, table_name="imagery")
    op.execute("DELETE FROM rules WHERE deleted = 1")
    _replace(
        *_columns_before(),
        before=[sa.Column("document", sa.JSON(), nullable=False)],
        converted=lambda row: {
            name: row["document"][name] for name in ("categories", "position_kinds", *_FIGURES)
        },
    )


def _columns_before() -> list[sa.Column[Any]]:
    return [
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("position_kinds", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in _FIGURES),
    ]


def _replace(
    *columns: sa.Column[Any],
    before: list[sa.Column[Any]],
    converted: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Make the table anew with other columns, and carry every row over."""
    connection = op.get_bind()
    old = sa.table(
        "rules",
        *(sa.column(name) for name in _SHARED),
        *(sa.column(column.name, column.type) for column in before),
    )
    rows = [dict(row._mapping) for row in connection.execute(sa.select(old))]  # noqa: SLF001 - SQLAlchemy's public name
    op.drop_table("rules")
    new = op.create_table(
        "rules",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("rule_id", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *columns,
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mission_id", "rule_id", "revision", name=op.f("pk_rules")),
    )
    if rows:
        op.bulk_insert(
            new, [{name: row[name] for name in _SHARED} | converted(row) for row in rows]
        )
