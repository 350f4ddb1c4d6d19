"""A model that somebody brings: verified before anything is kept, installed whole or not at all."""

import json
import os
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

import inference
from inference import BundleBroken, Manifest, read_bundle
from inference.bundle import MAX_WEIGHTS
from inference.golden import drift_of
from inference.manifest import write_manifest
from portal.predictions.models import ModelVersion
from portal.predictions.report_services import Report
from portal.predictions.version_services import register_model_version
from worker.bundle_archives import lay_out
from worker.report_files import read_report

MARGIN = 1_000_000  # bytes of what npz files say of their arrays


@dataclass(frozen=True, slots=True)
class Registered:
    """The row of a version, and whether its bundle was not here before."""

    version: ModelVersion
    is_new: bool


def register_model(source: Path) -> Registered:
    """Verify, install and register the bundle at ``source``; the same bundle again changes nothing.

    Raises
    ------
    BundleBroken
        It is not a whole, sealed, reported bundle that computes here what it says; or another
        bundle of the same name and version is here.
    DeviceUnavailable
        No engine runs it here.
    Conflict
        The version is registered with other content.
    OSError
        The folder of the bundles cannot be written to.
    """
    home = Path(settings.OVERREAD_BUNDLE).parent
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=home) as scratch:
        folder = lay_out(source, Path(scratch))
        manifest, report = verify(folder)
        target = home / f"{manifest.name}-{manifest.version}"
        is_new = not target.exists()
        if not is_new:
            _demand_same(target, manifest, report)
        with transaction.atomic():
            version = register_model_version(
                manifest=json.loads(write_manifest(manifest)),
                weights_sha256=manifest.weights_sha256,
                report=report,
            )
            if is_new:
                install(folder, target)
    return Registered(version, is_new)


def verify(folder: Path) -> tuple[Manifest, Report]:
    """Return manifest and report of a bundle that is whole and computes what it says.

    Raises
    ------
    BundleBroken, DeviceUnavailable
    """
    _refuse_swollen_arrays(folder)
    try:
        manifest = read_bundle(folder).manifest
        report = read_report(folder, manifest)
        if report is None:
            raise BundleBroken("It has no report.json of schema 2: nobody could judge it.")
        said = asdict(manifest.explanation) if manifest.explanation else None
        if report.document.get("explanation") != said:
            raise BundleBroken("Its report and its manifest differ about the check of its maps.")
        _try_out(folder)
    except (ValueError, KeyError, MemoryError, zipfile.BadZipFile, EOFError) as error:
        raise BundleBroken(f"Its arrays are not those of its network: {error}.") from error
    return manifest, report


def install(folder: Path, target: Path) -> None:
    """Move a verified bundle to where workers look for it: at once, on disk for good."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        _sync(path)
    folder.chmod(0o755)
    _sync(folder)
    folder.rename(target)
    _sync(target.parent)


def _try_out(folder: Path) -> None:
    with inference.load(folder) as classifier:
        classifier.warm_up()
        golden = read_bundle(folder).golden
        if golden and (drift := drift_of(classifier, golden)):
            raise BundleBroken(
                f"It computes something else here than where it was packed: {drift}."
            )


def _demand_same(target: Path, manifest: Manifest, report: Report) -> None:
    known = read_bundle(target).manifest
    there = read_report(target, known)
    if known != manifest or (there and (there.document, there.digests()) != (
        report.document, report.digests()
    )):  # fmt: skip
        raise BundleBroken(
            f"Another bundle is at {target.name} already: what has changed needs a new version."
        )


def _refuse_swollen_arrays(folder: Path) -> None:
    """Look at the sizes that npz files claim before numpy believes them."""
    total = 0
    for path in folder.glob("*.npz"):
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError) as error:
            raise BundleBroken(f"{path.name} is no npz.") from error
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise BundleBroken(f"{path.name} is compressed; arrays are stored as they are.")
        total += sum(member.file_size for member in members)
    if total > MAX_WEIGHTS + MARGIN:
        raise BundleBroken(f"The weights take {total / 1e6:.1f} MB; 40 are allowed.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
