"""A model that somebody brings: the whole of it or nothing, whatever the archive tries."""

import dataclasses
import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from inference.bundle import pack_arrays, read_bundle
from inference.choice import EngineUnavailable
from inference.manifest import write_manifest
from portal.audit.models import AuditEvent
from portal.predictions.models import ModelReport, ModelVersion
from tests.bundles import golden_bundle, tiny_bundle
from tests.factories import make_model_version
from tests.inference.test_bundle import sealed
from tests.reports import png
from worker import bundle_archives, model, registering

pytestmark = pytest.mark.django_db


@pytest.fixture
def brought(bundle, tmp_path):
    """A bundle of another version, with a report and a picture, in a folder elsewhere."""
    folder = tiny_bundle(tmp_path / "elsewhere" / "any-name", version="0.0.2")
    return reported(folder)


def reported(folder):
    manifest = read_bundle(folder).manifest
    report = {"schema": 2, "weights_sha256": manifest.weights_sha256, "splits": {}}
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / "pictures" / "val-roc.png").write_bytes(png())
    return folder


@pytest.fixture
def register(capsys):
    def run(source):
        call_command("register_model", str(source))
        return capsys.readouterr().out.strip()

    return run


def refused(source, match):
    """Register ``source`` and expect a sentence; nothing may have been kept."""
    home = Path(settings.OVERREAD_BUNDLE).parent
    before = sorted(home.iterdir()), ModelVersion.objects.count()
    with pytest.raises(CommandError, match=match):
        call_command("register_model", str(source))
    assert (sorted(home.iterdir()), ModelVersion.objects.count()) == before


def zipped(folder, path, **more):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def tarred(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


@pytest.mark.parametrize("pack", [lambda folder, _: folder, zipped, tarred])
def test_a_bundle_is_installed_registered_and_read(brought, bundle, register, tmp_path, pack):
    suffix = {zipped: "a.zip", tarred: "a.tar.gz"}.get(pack, "")
    said = register(pack(brought, tmp_path / suffix))
    assert said == "tiny 0.0.2 is registered and may be proposed"
    version = ModelVersion.objects.get(version="0.0.2")
    assert ModelReport.objects.get().model_version == version
    assert list(version.report.pictures.values_list("name", flat=True)) == ["val-roc.png"]
    assert model.bundle_folder(version) == bundle.parent / "tiny-0.0.2"
    assert model.classifier_of(version).manifest.version == "0.0.2"
    assert AuditEvent.objects.filter(action="model.registered").count() == 1
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["tiny-0.0.1", "tiny-0.0.2"]


def test_the_same_bundle_again_changes_nothing(brought, register):
    register(brought)
    assert register(brought) == "tiny 0.0.2 is here already"
    assert AuditEvent.objects.filter(action="model.registered").count() == 1


def test_the_same_version_with_other_content_is_refused(brought, register):
    register(brought)
    report = json.loads((brought / "report.json").read_text())
    (brought / "report.json").write_text(json.dumps(report | {"notes": ["Better."]}))
    refused(brought, "what has changed needs a new version")
    (brought / "report.json").write_text(json.dumps(report))
    document = json.loads((brought / "manifest.json").read_text())
    document["threshold"]["value"] = 0.4
    (brought / "manifest.json").write_text(sealed(document))
    refused(brought, "what has changed needs a new version")


def test_a_version_that_is_registered_with_other_weights_is_refused(brought, bundle):
    make_model_version(name="tiny", version="0.0.2")
    refused(brought, "registered with other weights")


def test_a_shared_body_or_arrays_beside_the_folder_come_along(brought, bundle, register):
    (brought.parent / "bodies").mkdir()
    shutil.move(brought / "head.npz", brought.parent / "bodies" / "head.npz")
    register(brought)
    assert (bundle.parent / "tiny-0.0.2" / "head.npz").is_file()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "report.json").unlink(), "no report.json of schema 2"),
        (lambda f: (f / "head.npz").write_bytes(b"PK"), "is no npz"),
        (lambda f: (f / "manifest.json").write_text("{}"), "is not valid"),
        (lambda f: (f / "manifest.json").unlink(), "has no manifest"),
        (lambda f: (f / "run.sh").write_text("rm"), "No bundle has 'run.sh'"),
        (lambda f: (f / "more").mkdir(), "No bundle has 'more'"),
        (lambda f: (f / "card.md").symlink_to("/etc/passwd"), "card.md is a link"),
        (lambda f: (f / "pictures" / "roc.png").write_bytes(b"GIF89a"), "is not a PNG"),
        (lambda f: change_report(f, explanation={"passed": True}), "differ about the check"),
        (lambda f: change_report(f, weights_sha256="0"), "about other weights"),
    ],
)
def test_what_is_not_a_whole_bundle_is_refused(brought, spoil, sentence):
    spoil(brought)
    refused(brought, sentence)


def change_report(folder, **changes):
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | changes))


def test_a_flipped_bit_is_refused(brought):
    content = bytearray((brought / "head.npz").read_bytes())
    content[-200] ^= 1
    (brought / "head.npz").write_bytes(content)
    refused(brought, "is not the file that was released|is no npz")


def test_arrays_of_another_network_are_refused(brought):
    packed = pack_arrays({"mean": np.zeros(3, np.float32)})
    (brought / "head.npz").write_bytes(packed)
    manifest = read_bundle(tiny_bundle(brought.parent / "other", version="0.0.2")).manifest
    pinned = dataclasses.replace(manifest.head_file, sha256=hashlib.sha256(packed).hexdigest())
    manifest = dataclasses.replace(manifest, head_file=pinned)
    (brought / "manifest.json").write_text(write_manifest(manifest))
    reported(brought)
    refused(brought, "arrays are not those of its network")


def test_a_bundle_that_no_engine_runs_here_is_refused_in_a_sentence(brought, monkeypatch):
    def unavailable(*_):
        raise EngineUnavailable("The engine ncnn cannot run tiny 0.0.2 here: no wheel.")

    monkeypatch.setattr(registering.inference, "load", unavailable)
    refused(brought, r"is not registered\. The engine ncnn cannot run tiny 0\.0\.2 here")


def test_compressed_or_swollen_arrays_are_refused_before_they_are_read(brought):
    with zipfile.ZipFile(brought / "head.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mean.npy", bytes(1000))
    refused(brought, "head.npz is compressed")


def test_a_bundle_that_computes_something_else_here_is_refused(bundle, airlock, tmp_path):
    folder = golden_bundle(tmp_path / "elsewhere" / "tiny", airlock, score=0.123)
    shutil.rmtree(bundle)
    refused(reported(folder), "It computes something else here")


def test_a_golden_bundle_that_computes_the_same_is_registered(bundle, airlock, register, tmp_path):
    folder = golden_bundle(tmp_path / "elsewhere" / "tiny", airlock)
    shutil.rmtree(bundle)
    assert register(reported(folder)) == "tiny 0.0.1 is registered and may be proposed"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../evil.npz", "no name that a file"),
        ("/etc/evil.npz", "no name that a file"),
        ("any-name/../../evil.npz", "no name that a file"),
        ("any-name/a/b/c.npz", "no name that a file"),
        ("any-name/réport.json", "no name that a file"),
        ("any-name/run.sh", "No bundle has"),
        ("other/manifest.json", "holds 2 bundles"),
    ],
)
def test_names_that_lead_out_or_that_no_bundle_has_are_refused(brought, tmp_path, name, sentence):
    refused(zipped(brought, tmp_path / "a.zip", **{name: "x"}), sentence)
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(brought, brought.name)
        member = tarfile.TarInfo(name)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    refused(path, sentence)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(brought, tmp_path, kind):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("any-name/card.md")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(path, "is a link or no plain file")


def test_a_link_in_a_zip_is_refused(brought, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("any-name/card.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    refused(path, "is a link or no plain file")


def test_bombs_are_stopped_while_they_unpack(brought, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_archives, "MOST_BYTES", 3_000_000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("any-name/head.npz", bytes(9_000_000))
    refused(path, "larger than the 3 MB")
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("any-name/head.npz")
        member.size = 9_000_000
        archive.addfile(member, io.BytesIO(bytes(9_000_000)))
    refused(path, "larger than the 3 MB")


def test_a_header_that_unpacks_without_end_is_stopped_too(brought, tmp_path, monkeypatch):
    """A pax header is read whole before anybody asks how large it is."""
    monkeypatch.setattr(bundle_archives, "MOST_BYTES", 3_000_000)
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, 50_000_000
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(member.tobuf() + bytes(50_000_000))
    refused(path, "larger than the 3 MB")


def test_too_many_files_are_refused(brought, tmp_path):
    many = {f"any-name/pictures/p{number}.png": b"" for number in range(120)}
    refused(zipped(brought, tmp_path / "a.zip", **many), "more than 100 files")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.rar"])
def test_what_is_no_archive_is_refused(brought, tmp_path, name):
    (tmp_path / name).write_bytes(b"no archive at all")
    refused(tmp_path / name, "cannot be read|is no folder")
    refused(tmp_path / "nothing", "There is no")


def test_what_cannot_be_installed_is_not_registered(brought, bundle, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registering, "install", full)
    refused(brought, "cannot be kept .No space left on device")
