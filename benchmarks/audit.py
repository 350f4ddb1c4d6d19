"""Audited writes a second: on one chain and on eight, by as many processes as chains."""

import multiprocessing
import os
import time
from multiprocessing.pool import Pool

from benchmarks.databases import database, migrate

SECONDS = 5.0
CHAINS = (1, 8)


def main() -> None:
    """Print the rate of one writer, of eight on one chain, and of eight on their own."""
    with database(os.environ.get("DATABASE_URL", ""), "audit") as told:
        os.environ.update(told)
        migrate(told)
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(max(CHAINS), initializer=_set_up) as pool:
            for writers, chains in ((1, 1), (8, 1), (8, 8)):
                rate = rate_of(pool, writers, chains)
                print(f"{writers} writers on {chains} chains: {rate:6.0f} events/s", flush=True)


def rate_of(pool: Pool, writers: int, chains: int) -> float:
    """Return how many events are committed a second."""
    jobs = [f"chain-{number % chains}" for number in range(writers)]
    return sum(pool.map(_write, jobs, chunksize=1)) / SECONDS


def _set_up() -> None:
    import django  # noqa: PLC0415

    django.setup()


def _write(chain: str) -> int:
    from portal.audit.services import Action, record_alone  # noqa: PLC0415

    ends, written = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        record_alone(Action.AUDIT_READ, chain=chain, subject="audit", by=None)
        written += 1
    return written
