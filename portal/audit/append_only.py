"""Migration operation that makes a table append-only."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_SQL = {
    "postgresql": """
        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
        CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
    """,
    "sqlite": """
        CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
        CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
    """,
}


def append_only(table: str) -> migrations.RunPython:
    """Forbid UPDATE and DELETE of rows of ``table``. One way.

    TRUNCATE is not a row event; a runtime role is simply never granted it. On SQLite the
    settings turn ``recursive_triggers`` on, or ``INSERT OR REPLACE`` would rewrite rows.
    """

    def install(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        connection = schema_editor.connection
        script = _SQL[connection.vendor].format(table=table)
        # prepare_sql_script splits on ";" unless sqlparse knows better: triggers hold some
        statements = [script] if connection.vendor == "postgresql" else _triggers(script)
        for statement in statements:
            schema_editor.execute(statement, params=None)  # else "%" is a parameter

    return migrations.RunPython(install)


def _triggers(script: str) -> list[str]:
    return [f"{part.strip()} END" for part in script.split("END;") if part.strip()]
