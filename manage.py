#!/usr/bin/env python
"""Command line of Overread: `python manage.py help`."""

import argparse
import os
import sys


def take_data_folder(arguments: list[str]) -> None:
    """Let ``serve --data DIR`` say where the data are: the settings, read next, need to know."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data")
    known, _ = parser.parse_known_args(arguments)
    if known.data:
        os.environ["OVERREAD_DATA"] = known.data


def main() -> None:
    """Run one management command; a database that is away is said in a sentence."""
    if sys.argv[1:2] == ["serve"]:
        take_data_folder(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415 (it may be missing)
        from django.db import Error  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit("Django is not installed here. Run `make setup`, then .venv/bin/python manage.py.")
    try:
        execute_from_command_line(sys.argv)
    except Error as error:
        say_if_away(error)
        raise


def say_if_away(error: Exception) -> None:
    """End with a sentence if the database does not answer; any other error is a bug."""
    from portal import env  # noqa: PLC0415 (it reads the environment, which --data changes)
    from portal.http.outages import outage_of  # noqa: PLC0415

    if outage_of(error):
        why = str(error).partition("\n")[0]
        env.stop(f"the database does not answer ({why}). Start it, or mend DATABASE_URL.")


if __name__ == "__main__":
    main()
