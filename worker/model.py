"""The classifiers of this process: one a model version, loaded on first use."""

import logging
import threading
import time
from pathlib import Path

from django.conf import settings

from inference import BundleBroken, Classifier, read_bundle
from inference.airlock.client import Airlock
from inference.vgg16 import DeviceUnavailable
from portal.predictions.models import ModelVersion
from portal.predictions.selectors import live_versions
from portal.predictions.shadow_selectors import idle_versions
from worker import golden

logger = logging.getLogger(__name__)
_loading = threading.Lock()
_loaded: dict[int, Classifier] = {}
_trouble: dict[int, str] = {}
_said_loading: set[int] = set()


class ModelUnavailable(Exception):
    """A version that should run cannot run here. The message is a sentence."""


def classifier_of(version: ModelVersion) -> Classifier:
    """Return the classifier of ``version``, loading it if this process has not done so yet.

    Raises
    ------
    ModelUnavailable
        Its bundle is not here, is broken, or has other weights than were registered.
    AirlockUnavailable
        Nobody opens the golden image, so that nothing is known of what this process computes.
    """
    with _loading:
        if version.pk not in _loaded:
            _loaded[version.pk] = _load(version)
        return _loaded[version.pk]


def live_classifiers() -> tuple[list[Classifier], list[ModelVersion]]:
    """Return the classifier of every live version that runs here, and the versions that do not.

    One version that is broken here holds no other up: a worker that has its bundle reads its rows.
    What is loaded and nobody needs any more is dropped: a network takes hundreds of megabytes.
    """
    found, missing = [], []
    live = list(live_versions())
    for version in live:
        try:
            found.append(classifier_of(version))
        except ModelUnavailable as error:
            missing.append(version)
            _say_once(version, str(error))
    _drop_idle({version.pk for version in live})
    for settled in set(_trouble) - {version.pk for version in missing}:
        _trouble.pop(settled, None)  # the warm-up and a task may both come by
    return found, missing


def _drop_idle(needed: set[int]) -> None:
    """Drop the classifiers of versions that nobody needs; what a batch holds of one ends with it.

    ``needed`` are known to be: the others are asked for.
    """
    with _loading:
        for pk in idle_versions(set(_loaded) - needed) if set(_loaded) - needed else ():
            manifest = _loaded.pop(pk).manifest
            golden.forget(pk)
            logger.info("model %s %s is no longer needed here", manifest.name, manifest.version)


def check_loaded() -> None:
    """Score the golden image of every loaded version anew where the last time is a day ago.

    Raises
    ------
    AirlockUnavailable
    """
    for pk, classifier in list(_loaded.items()):  # another thread may load one, or drop one
        golden.check_again(pk, classifier)


def trouble() -> str:
    """Return which live versions cannot run here, and why, as text; empty while all can."""
    return " ".join(filter(None, [golden.drift(), *(why for _, why in sorted(_trouble.items()))]))


def loaded_models() -> str:
    """Return what reads here, as text; empty while nothing is loaded, and once it drifts."""
    if golden.drift():
        return ""
    manifests = [classifier.manifest for classifier in list(_loaded.values())]
    return ", ".join(sorted(f"{one.name} {one.version}" for one in manifests))


def device_in_use() -> str:
    """Return where the networks of this process run, ``cpu`` or ``gpu``; empty while none is."""
    return max((classifier.device for classifier in list(_loaded.values())), default="")


def bundle_folder(version: ModelVersion) -> Path:
    """Return where the bundle of ``version`` should be.

    Beside `OVERREAD_BUNDLE` in a folder named after it, else `OVERREAD_BUNDLE` itself.
    """
    shipped = Path(settings.OVERREAD_BUNDLE)
    named = shipped.parent / f"{version.name}-{version.version}"
    return named if named.is_dir() else shipped


def _say_once(version: ModelVersion, why: str) -> None:
    if _trouble.get(version.pk) != why:
        logger.error("nothing is claimed for %s: %s", version, why)
    _trouble[version.pk] = why


def _say_loading(version: ModelVersion) -> None:
    """Say it once until it is loaded: what fails afterwards is tried again and again."""
    if version.pk not in _said_loading:
        logger.info("model %s is loading", version)
    _said_loading.add(version.pk)


def _load(version: ModelVersion) -> Classifier:
    started = time.monotonic()
    folder = bundle_folder(version)
    try:
        # The pins before the network: a broken bundle need not be built to be refused.
        bundle = read_bundle(folder)
        found = bundle.manifest
        if (found.name, found.version) != (version.name, version.version):
            raise ModelUnavailable(f"The bundle of {version} is not at {folder.name}.")
        if found.weights_sha256 != version.weights_sha256:
            raise ModelUnavailable(f"The weights of {version} are not those registered.")
        _say_loading(version)
        classifier = Classifier(bundle, Airlock(settings.OVERREAD_AIRLOCK_SOCKET))
        classifier.warm_up()
    except (BundleBroken, DeviceUnavailable) as error:
        raise ModelUnavailable(str(error)) from error
    except ValueError as error:
        sentence = f"The arrays of {version} are not those of its network: {error}."
        raise ModelUnavailable(sentence) from error
    golden.check(version, classifier, bundle.golden)
    _said_loading.discard(version.pk)
    logger.info("model %s is loaded after %.1f s", version, time.monotonic() - started)
    return classifier
