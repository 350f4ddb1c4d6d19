"""The subcommands of ``python -m inference.training``: their arguments, and what they start.

Each module has ``HELP``, ``add_arguments(parser)`` and ``run(given) -> int``. What is slow to
import is imported when a subcommand runs.
"""
