import threading
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from inference import BundleBroken
from portal import env
from portal.accounts.roles import Role
from portal.errors import PortalError
from worker import demo
from worker.shipping import deploy_everywhere, register_shipped_model, shipped_manifest
from worker.supervisor import preflight, programs
from worker.supervisor.announce import Announcement
from worker.supervisor.output import say, say_as
from worker.supervisor.run import Supervisor

HELP = """\
Start everything Overread consists of, and stop it all on Ctrl-C or SIGTERM.

Starts the queue (unless REDIS_URL is set), the airlock, the web server, the inference worker
and the general worker as children of this process; prints one line "Overread is ready at ..."
when uploads are read. The model may still be loading then; the log says when it is there.
"""


class Command(BaseCommand):
    """Everything, with one command."""

    help = HELP
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the lines of the help as they are."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen and where to keep the data."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
        # read in manage.py, before the settings are
        parser.add_argument("--data", help="folder of everything that is kept (OVERREAD_DATA)")
        parser.add_argument(
            "--demo",
            action="store_true",
            help="make demo sites, users and samples; on this machine's own address only",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check, prepare, run until a signal comes."""
        try:
            why = serve(options["host"], options["port"], demo_wanted=options["demo"])
        except (preflight.CannotStart, BundleBroken, PortalError) as error:
            env.stop(str(error))
        if why:
            say_as("serve", why)
            raise SystemExit(1)


def serve(host: str, port: int, *, demo_wanted: bool) -> str:
    """Run Overread; return an empty string after a signal, or why it had to end.

    Raises
    ------
    CannotStart, BundleBroken, PortalError
        What must be put right first, in a sentence.
    """
    preflight.check_address(host, demo=demo_wanted)
    lock = preflight.take_lock(preflight.data_folder())
    manifest = shipped_manifest()
    preflight.check_network_library(manifest.network)
    valkey = preflight.valkey_binary()
    with preflight.open_listener(host, port) as listener:
        migrate()
        version = register_shipped_model(manifest)
        if demo_wanted:
            make_demo()
        deploy_everywhere(version)
        connection.close()
        origin = preflight.origin_of(host, listener)
        told = programs.environment(origin)
        supervisor = Supervisor(
            [
                *([programs.queue(valkey)] if valkey else []),
                programs.airlock(),
                programs.celery(programs.INFERENCE, told, lock=lock),
                programs.web(told, listener=listener.fileno(), lock=lock),
                programs.celery(programs.GENERAL, told, lock=lock),
            ]
        )
        address = preflight.reachable(listener)
        announcement = Announcement(supervisor, address, origin, with_samples=demo_wanted)
        threading.Thread(target=announcement.run, name="announce", daemon=True).start()
        return supervisor.run()


def migrate() -> None:
    """Bring the tables up to date; say so if that is work."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say_as("serve", f"preparing the database: {len(plan)} migrations ...")
    if plan or settings.OVERREAD_OWNER_DATABASE:  # what the runtime role may do is granted anew
        call_command("migrate", verbosity=0, interactive=False)


def make_demo() -> None:
    """Make the demo's sites and users, and print how to sign in."""
    password = demo.demo_password()
    demo.make_sites_and_users(password)
    names = ", ".join(role.value for role in Role)
    say(f"demo users: {names}; at the other site the same with the prefix other_")
    say(f"password: {password}")
