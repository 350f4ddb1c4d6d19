"""A bundle is what was released, bit for bit, or it is not used."""

import contextlib
import json

import numpy as np
import pytest

import inference
from inference.bundle import BundleBroken, pack_arrays, read_bundle, write_bundle
from inference.manifest import ManifestInvalid, read_manifest, write_manifest
from inference.vgg16 import layer_shapes
from tests.bundles import SHIPPED, tiny_bundle, tiny_manifest


@pytest.fixture(autouse=True)
def _test_bundles_are_allowed(monkeypatch):
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "tiny-0.0.1")


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)


def test_what_was_written_is_read_back(bundle):
    found = read_bundle(bundle)
    assert found.manifest.name == "tiny"
    assert set(found.head) == {"mean", "scale", "dense1/kernel", "dense1/bias"}
    assert len(found.manifest.weights_sha256) == 64


def test_the_same_arrays_have_the_same_bytes():
    arrays = {"a": np.arange(6, dtype=np.float16), "b/c": np.eye(3, dtype=np.float32)}
    assert pack_arrays(arrays) == pack_arrays(dict(arrays))


@pytest.mark.parametrize("place", [0.0, 0.13, 0.5, 0.77, 0.9999])
def test_one_flipped_bit_in_the_weights_is_refused(bundle, place):
    path = bundle / "head.npz"
    flip(path, int(place * path.stat().st_size * 8))
    with pytest.raises(BundleBroken, match=r"head\.npz of tiny-0\.0\.1 is not the file"):
        read_bundle(bundle)


def test_flipped_bits_in_the_manifest_are_refused(bundle):
    path = bundle / "manifest.json"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    meant = read_manifest(whole.decode())
    for bit in rng.integers(0, len(whole) * 8, 200):
        flip(path, int(bit))
        # A flip that only changes white space changes nothing that is said.
        with contextlib.suppress(BundleBroken):
            assert read_bundle(bundle).manifest == meant
        path.write_bytes(whole)


def test_a_truncated_file_is_refused(bundle):
    path = bundle / "head.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleBroken, match=r"head\.npz"):
        read_bundle(bundle)


@pytest.mark.parametrize("name", ["head.npz", "manifest.json"])
def test_a_missing_file_is_refused(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleBroken, match=name):
        read_bundle(bundle)


def test_a_changed_threshold_is_refused(bundle):
    path = bundle / "manifest.json"
    document = json.loads(path.read_text())
    document["threshold"]["value"] = 0.01
    path.write_text(json.dumps(document))
    with pytest.raises(BundleBroken, match="seal"):
        read_bundle(bundle)


def test_a_pickle_is_never_opened(bundle):
    manifest = read_bundle(bundle).manifest
    with pytest.raises(ValueError, match="Object arrays"):
        write_bundle(bundle, manifest, head={"mean": np.array([{}])}, body=None)  # type: ignore[dict-item]


def test_a_test_bundle_is_for_tests(bundle, monkeypatch):
    monkeypatch.delenv("OVERREAD_ALLOW_TEST_BUNDLE")
    with pytest.raises(BundleBroken, match="for tests"):
        inference.load(bundle, "/nowhere")


def test_weights_above_forty_megabytes_are_refused(tmp_path):
    with pytest.raises(BundleBroken, match="40"):
        write_bundle(
            tmp_path, tiny_manifest(), head={"mean": np.zeros(41_000_000, np.uint8)}, body=None
        )


def sealed(document):
    """Return ``document`` with the seal that its writer would have given it."""
    from inference.manifest import _seal

    document.pop("seal", None)
    return json.dumps(document | {"seal": _seal(document)})


@pytest.fixture
def document():
    return json.loads(write_manifest(tiny_manifest()))


def test_a_manifest_survives_writing_and_reading():
    assert read_manifest(write_manifest(tiny_manifest())) == tiny_manifest()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda d: d.update(extra=1), "extra: not known"),
        (lambda d: d["intended_use"].update(countries=[]), "intended_use.countries: not known"),
        (lambda d: d.pop("threshold"), "threshold: missing"),
        (lambda d: d["disclaimer"].pop("version"), "disclaimer.version: missing"),
        (lambda d: d.update(schema=3), "schema"),
        (lambda d: d.update(schema=True), "schema"),
        (lambda d: d.update(for_tests="yes"), "for_tests"),
        (lambda d: d.update(for_tests=False), "for_tests"),
        (lambda d: d.update(network="resnet"), "network"),
        (lambda d: d.update(network="vgg16"), "body"),
        (lambda d: d.update(name="../evil"), "name"),
        (lambda d: d.update(version="1"), "version"),
        (lambda d: d["threshold"].update(value=1.5), "threshold.value"),
        (lambda d: d["threshold"].update(value="0.5"), "threshold.value"),
        (lambda d: d["threshold"].update(value=None), "threshold.value"),
        (lambda d: d["calibration"].update(slope=-1.0), "calibration.slope"),
        (lambda d: d["prevalence"].update(value=0), "prevalence.value"),
        (lambda d: d["intended_use"].update(age_years=[5, 1]), "age_years"),
        (lambda d: d["intended_use"].update(age_years=[1]), "age_years"),
        (lambda d: d["intended_use"].update(views="AP"), "views"),
        (lambda d: d["intended_use"].update(unknown_allowed=["sex"]), "unknown_allowed"),
        (lambda d: d["head_file"].update(file="../../head.npz"), "file"),
        (lambda d: d["head_file"].update(sha256="abc"), "sha256"),
        (lambda d: d.update(head=[]), "head: an object"),
    ],
)
def test_a_manifest_is_read_strictly(document, change, key):
    change(document)
    with pytest.raises(ManifestInvalid, match=key.replace(".", r"\.")):
        read_manifest(sealed(document))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"schema": NaN}', "\ufeff{}"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(ManifestInvalid):
        read_manifest(text)


def test_not_a_number_is_no_threshold(document):
    document["threshold"]["value"] = float("nan")
    with pytest.raises(ManifestInvalid, match=r"threshold\.value"):
        read_manifest(sealed(document))


@pytest.fixture
def shipped():
    return read_bundle(SHIPPED)


def test_the_shipped_bundle_is_whole_and_small_enough(shipped):
    folder = SHIPPED.parent
    assert {name: array.shape for name, array in shipped.body.items()} == layer_shapes()
    size = sum(path.stat().st_size for path in folder.rglob("*.npz"))
    assert size <= 40_000_000
    for name in ("report.json", "card.md", "network.svg", "pictures/curves.png"):
        assert (shipped.folder / name).stat().st_size > 0


def test_the_shipped_bundle_says_what_it_is_for(shipped):
    manifest = shipped.manifest
    assert not manifest.for_tests
    assert manifest.intended_use.age_years == (1, 90)
    assert manifest.threshold.value != 0.5
    assert "not a diagnosis" in manifest.disclaimer.text
    assert manifest.measured.test_internal is not None
    assert manifest.measured.external_report is not None
    floor = manifest.measured.floors[
        "logistic regression on 32 x 32 thumbnails, AUC, internal test"
    ]
    assert manifest.measured.test_internal.auc.value > floor
