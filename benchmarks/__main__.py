"""``python -m benchmarks [NAME ...]``: run them all, or those named, and print their ratios."""

import importlib
import sys

NAMES = ("classifier", "training", "maps", "pipeline", "uploads", "worklist", "audit", "start")


def main() -> None:
    """Run each benchmark's ``main``; it prints what it measured."""
    wanted = sys.argv[1:] or NAMES
    for name in wanted:
        if name not in NAMES:
            sys.exit(f"There is no benchmark {name!r}; there are: {', '.join(NAMES)}.")
    sys.argv = sys.argv[:1]
    for name in wanted:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
