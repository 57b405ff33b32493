"""The ledger of one installation: everything that must not be lost but pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from service.ledger import dialect
from service.ledger.accounting import Accounting
from service.ledger.audit import AuditLog
from service.ledger.credentials import Credentials
from service.ledger.cursors import Cursors
from service.ledger.decisions import Decisions
from service.ledger.detections import DetectionSearch
from service.ledger.expiry import Expiry
from service.ledger.hard_negatives import HardNegatives
from service.ledger.imagery import ImageryRegister
from service.ledger.incidents import Incidents
from service.ledger.jobs import Jobs
from service.ledger.models import Models
from service.ledger.patrols import Patrols
from service.ledger.pledges import Pledges
from service.ledger.positions import Positions
from service.ledger.products import Products
from service.ledger.pruning import Pruning
from service.ledger.replay import Replays
from service.ledger.results import Results
from service.ledger.rules import Rules
from service.ledger.suppressions import SuppressionLedger


class Ledger(
    Pledges,
    Accounting,
    Positions,
    Patrols,
    Rules,
    SuppressionLedger,
    ImageryRegister,
    Jobs,
    Results,
    Incidents,
    Expiry,
    Pruning,
    Decisions,
    HardNegatives,
    DetectionSearch,
    Replays,
    Products,
    Models,
    Cursors,
    Credentials,
    AuditLog,
):
    """Rows and transactions over SQLite or PostgreSQL.

    Every method is synchronous, may be called from any thread and any process, and leaves either
    all of its effect or none. Each raises UnavailableError where the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._probe = dialect.ChangeProbe(engine)

    @classmethod
    def open(cls, url: str) -> Self:
        """The ledger at a SQLAlchemy URL, such as "sqlite:///ledger.sqlite".

        Raises:
            StartupError: the URL names a dialect that the ledger is not written for.
        """
        return cls(dialect.open_engine(url))

    def migrate(self) -> None:
        """Bring the tables to the newest revision; processes that start at once take turns."""
        configuration = Config()
        # A percent sign in the path is not an interpolation.
        folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
        configuration.set_main_option("script_location", folder)
        with self._writing() as connection:
            dialect.lock_schema(connection)
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")

    def change_token(self) -> object:
        """A cheap value that differs after any commit by any process; for wake-ups only."""
        return self._probe.token()

    def close(self) -> None:
        """Give back every connection."""
        self._probe.close()
        self._engine.dispose()
