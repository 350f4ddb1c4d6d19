from django.apps import AppConfig
from django.core.checks import Tags, register

from portal.operations.database_roles import check_roles, check_second_role


class OperationsConfig(AppConfig):
    """What whoever runs Overread needs."""

    name = "portal.operations"

    def ready(self) -> None:
        """Have ``manage.py check --database default`` look at the database's roles."""
        register(check_roles, Tags.database)
        register(check_second_role, Tags.database, deploy=True)
