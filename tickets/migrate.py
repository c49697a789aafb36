"""Brings a database to the newest tables, from whatever release left it (alembic)."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from tickets.errors import StoreError

FOLDER: Final = Path(__file__).parent / "migrations"


def config_for(connection: Connection) -> Config:
    """Alembic's configuration: our scripts on this connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, *, shown: str) -> None:
    """Run what is missing, in the caller's transaction. StoreError where the database is newer."""
    config = config_for(connection)
    scripts = ScriptDirectory.from_config(config)
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        message = (
            f"tickets database {shown}: its tables ({revision}) are from a newer release than this "
            "one; install that release, or restore the copy made before the upgrade"
        )
        raise StoreError(message)
    command.upgrade(config, "head")


def require_newest(connection: Connection, *, shown: str) -> None:
    """StoreError where the tables are not the newest that this release knows."""
    head = ScriptDirectory.from_config(config_for(connection)).get_current_head()
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision != head:
        message = (
            f"tickets database {shown}: its tables are {revision or 'not there'}, this release "
            f"reads {head}; start `citypatrol run` of this release once"
        )
        raise StoreError(message)
