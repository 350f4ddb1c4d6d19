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
    """Run one management command."""
    if sys.argv[1:2] == ["serve"]:
        take_data_folder(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415 (it may be missing)
    except ModuleNotFoundError:
        sys.exit("Django is not installed here. Run `make setup`, then .venv/bin/python manage.py.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
