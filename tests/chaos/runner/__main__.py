"""``python -m tests.chaos.runner``: the large tier, a seed after the other; see ``--help``."""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bundles import tiny_bundle
from tests.chaos.harness import overread
from tests.chaos.runner.killer import Faults
from tests.chaos.runner.run import Report, Tier, run
from tests.chaos.servers import own_broker


def main() -> int:
    """Return the exit code: 0 if no run broke a promise."""
    said = arguments()
    tier = Tier(
        uploads=said.uploads,
        spread=said.spread or said.uploads / said.rate,
        clients=said.clients,
        lease=said.lease,
        patience=90.0 if said.real_model else 30.0,  # each start loads the network
        faults=Faults(said.kills, said.freezes, said.memory_losses, said.full_stops),
    )
    reports = [one(seed, tier, said) for seed in said.seeds]
    print(
        f"{sum(bool(report.breaches) for report in reports)} of {len(reports)} seeds have breaches"
    )
    return int(any(report.breaches for report in reports))


def one(seed: int, tier: Tier, said: argparse.Namespace) -> Report:
    """Return how a new system came through one seed; ledger and output are kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"overread-chaos-{seed}-"))
    bundle = None if said.real_model else tiny_bundle(folder / "bundles" / "tiny-0.0.1")
    ledger = folder / "ledger.jsonl"
    with ExitStack() as stack:
        system = stack.enter_context(
            overread(folder, bundle, OVERREAD_LEASE_SECONDS=str(tier.lease))
        )
        if os.environ.get("DATABASE_URL", "").startswith("postgres"):
            system.own_broker = stack.enter_context(own_broker(folder / "redis"))
            system.env["REDIS_URL"] = system.own_broker.url
        report = run(system.start(), ledger, seed, tier)
        (folder / "output.log").write_text(system.output())
    print(report)
    print(f"  ledger and output: {folder}", flush=True)
    return report


def arguments() -> argparse.Namespace:
    """Return what was asked for; the defaults are the large tier."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--memory-losses", type=int, default=3, help="of the broker")
    parser.add_argument("--full-stops", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rate", type=float, default=5.0, help="uploads a second")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds, instead of a rate")
    parser.add_argument("--lease", type=float, default=3.0, help="seconds")
    parser.add_argument("--real-model", action="store_true", help="the shipped one, not a stub")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
