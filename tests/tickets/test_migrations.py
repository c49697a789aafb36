"""What alembic makes is what the code believes."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from tickets.migrate import FOLDER, config_for
from tickets.schema import metadata
from tickets.store import Store


def test_models_and_migrations_agree(store):
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_agree(store):
    """Alembic does not compare their conditions."""
    with store.read() as connection:
        found = {
            (table, index["name"])
            for table in metadata.tables
            for index in inspect(connection).get_indexes(table)
            if index["dialect_options"].get("sqlite_where") is not None
            or index["dialect_options"].get("postgresql_where")
        }
    assert found == {
        (index.table.name, index.name)
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }


def test_there_is_one_line_of_revisions(store):
    with store.read() as connection:
        scripts = ScriptDirectory.from_config(config_for(connection))
    assert len(scripts.get_heads()) == 1
    files = sorted(path.name for path in (FOLDER / "versions").glob("*.py"))
    assert [name[:4] for name in files] == [
        script.revision for script in reversed(list(scripts.walk_revisions()))
    ]


def test_opening_twice_migrates_once(url):
    for _ in range(2):
        store = Store(url)
        store.open()
        with store.read() as connection:
            assert MigrationContext.configure(connection).get_current_revision() == "0004"
        store.close()


def test_down_and_up_again(store):
    with store.write() as connection:
        command.downgrade(config_for(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config_for(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
