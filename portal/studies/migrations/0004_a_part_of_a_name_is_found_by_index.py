from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_AVAILABLE = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'"
_INDEX = """
    CREATE INDEX study_by_part_of_name ON studies_study
    USING gin (upper(patient_name::text) gin_trgm_ops)
"""


def index_names(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Index every three letters of a name; where PostgreSQL has no pg_trgm, search stays slow."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_AVAILABLE)
        if cursor.fetchone():
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(_INDEX)
        # an index of an expression is chosen by what is known of the expression
        cursor.execute("ANALYZE studies_study")


def forget_index(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the index; the extension may serve others."""
    schema_editor.execute("DROP INDEX IF EXISTS study_by_part_of_name")


class Migration(migrations.Migration):
    """A name is searched for by any part of it."""

    dependencies = [("studies", "0003_studies_are_found_by_index")]
    operations = [migrations.RunPython(index_names, forget_index)]
