"""How long the pages of a site with years behind it take, and how many queries they ask.

Server time of each page in process, without the network, at 1,000, 100,000 and 1,000,000 studies
on the PostgreSQL that ``DATABASE_URL`` names (a database is made there and dropped again), or at
1,000 and 100,000 on SQLite. Aims at 100,000: under 300 ms; at 1,000,000: under 500 ms; at most
10 queries.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from benchmarks.databases import database, migrate
from benchmarks.running import ROOT

SIZES = {"postgresql": (1_000, 100_000, 1_000_000), "sqlite": (1_000, 100_000)}
TIMES = 5
MAY_ASK = 10  # queries
_IS_CONTROL = re.compile("BEGIN|COMMIT|SAVEPOINT|RELEASE")


def main() -> None:
    """Measure each size in a process and a database of its own."""
    url = os.environ.get("DATABASE_URL", "")
    vendor = "postgresql" if url.startswith("postgres") else "sqlite"
    sizes = [int(size) for size in os.environ.get("STUDIES", "").split(",") if size]
    for size in sizes or SIZES[vendor]:
        with database(url, str(size)) as told:
            migrate(told)
            command = [sys.executable, "-m", "benchmarks.worklist", str(size)]
            subprocess.run(command, cwd=ROOT, env=told, check=True)


def measure(studies: int) -> None:
    """Fill the database and print a line a page."""
    import django  # noqa: PLC0415

    django.setup()
    from benchmarks.population import populate  # noqa: PLC0415
    from portal.studies.models import Study  # noqa: PLC0415

    place = somewhere()
    if not Study.objects.exists():
        started = time.perf_counter()
        populate(place, studies)
        print(f"{studies:,} studies written in {time.perf_counter() - started:.0f} s", flush=True)
    for name, ask in pages(place).items():
        print(f"{studies:>9,}  {name:<34} {timed(ask)}", flush=True)


def somewhere() -> Any:
    """Return a site with its people and a model."""
    from benchmarks.population import Place  # noqa: PLC0415
    from portal.accounts.models import Site, User  # noqa: PLC0415
    from portal.accounts.services import create_site, create_user  # noqa: PLC0415
    from portal.predictions.models import ModelVersion  # noqa: PLC0415
    from portal.predictions.version_services import (  # noqa: PLC0415
        deploy_model,
        register_model_version,
    )

    if Site.objects.exists():
        site, version = Site.objects.get(), ModelVersion.objects.get()
    else:
        site = create_site(slug="bench", name="Bench")
        for role in ("uploader", "reviewer", "auditor", "pacs_admin"):
            create_user(
                username=role,
                site=site,
                roles=[role],
                name=f"Dr {role}",
                password=f"{role} of 99 benches",
            )
        manifest = {
            "name": "vgg16-pneumonia",
            "version": "0.0.1",
            "threshold": {"value": 0.5},
            "prevalence": {"value": 0.74},
            "disclaimer": {"version": "2026-1", "text": "For research. Not a diagnosis."},
        }
        version = register_model_version(manifest=manifest, weights_sha256="0" * 64)
        deploy_model(site=site, version=version)
    by_name = {user.username: user for user in User.objects.all()}
    return Place(site, by_name["uploader"], [by_name["reviewer"]], version)


def pages(place: Any) -> dict[str, Callable[[], Any]]:
    """Return what is measured: a name and a request that must be answered with 200."""
    from django.test import Client  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from portal.studies.models import Study  # noqa: PLC0415

    def browser(name: str) -> Client:
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(place.site.users.get(username=name))
        return client

    reviewer, uploader, operator = browser("reviewer"), browser("uploader"), browser("pacs_admin")
    watcher, two_years_ago = browser("auditor"), timezone.now().date() - timedelta(days=730)
    one = Study.objects.order_by("pk")[Study.objects.count() // 2]
    api = "/api/v1/studies"

    def search(**words: str) -> Callable[[], Any]:
        return lambda: reviewer.post(f"{api}/search", words, content_type="application/json")

    def found(words: str) -> Callable[[], Any]:
        return lambda: reviewer.post("/worklist", {"words": words})

    def seen(path: str, client: Client = reviewer) -> Callable[[], Any]:
        return lambda: client.get(path)

    cursor = reviewer.get(api).json()["next"]
    return {
        "worklist": seen("/worklist"),
        "worklist of an uploader": seen("/worklist", uploader),
        "worklist, page 100": seen("/worklist?page=100"),
        "worklist, AI only": seen("/worklist?report_status=partial"),
        "worklist, signed": seen("/worklist?report_status=final"),
        "worklist, amended (none)": seen("/worklist?report_status=amended"),
        "worklist, failed": seen("/worklist?outcome=failed", operator),
        "worklist, waiting": seen("/worklist?outcome=waiting"),
        "worklist, without AI": seen("/worklist?outcome=none"),
        "search, patient id": found(one.patient_id),
        "search, accession number": found(one.accession_number),
        "search, part of a name": found(one.patient_name.split("^")[0]),
        "search, nothing found": found("nobody at all"),
        "failed work": seen("/failed", operator),
        "next study": lambda: reviewer.post("/worklist/next"),
        "study": seen(f"/studies/{one.study_instance_uid}"),
        "watch, 90 days": seen("/watch", watcher),
        "watch, two years": seen(f"/watch?first={two_years_ago}", watcher),
        "API studies": seen(api),
        "API studies, next page": seen(f"{api}?cursor={cursor}"),
        "API studies, report_status=partial": seen(f"{api}?report_status=partial"),
        "API studies, outcome=rejected_quality": seen(f"{api}?outcome=rejected_quality"),
        "API search, patient_id": search(patient_id=one.patient_id),
        "API search, part of a name": search(patient_name=one.patient_name.split("^")[0]),
        "API changes": seen("/api/v1/changes"),
        "API study": seen(f"{api}/{one.study_instance_uid}"),
        "API history": seen(f"{api}/{one.study_instance_uid}/history"),
    }


def timed(ask: Callable[[], Any]) -> str:
    """Return the median of the server's time and the number of queries, as text."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as asked:
        answer = ask()
        queries = sum(not _IS_CONTROL.match(query["sql"]) for query in asked.captured_queries)
    if answer.status_code not in {200, 302}:
        sys.exit(f"answered {answer.status_code}: {answer.content[:300]!r}")
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        ask()
        took.append(time.perf_counter() - started)
        if sum(took) > 20:  # noqa: PLR2004 (seconds: it is slow, and that is known now)
            break
    note = "" if queries <= MAY_ASK else "  (too many)"
    return f"{median(took) * 1000:8.0f} ms {queries:4} queries{note}"


if __name__ == "__main__":
    measure(int(sys.argv[1]))
