"""Bytes in, one score or refusal out for each; never an exception for one bad file of a batch."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.bundle import Bundle
from inference.calibration import to_probability
from inference.choice import EngineUnavailable
from inference.engines import DenseHead, Engine, load_engine, spec_of
from inference.gate import Facts, Widening, gather_facts, judge_use
from inference.gradcam import Explanation, explain, shown_alpha
from inference.likeness import Likeness
from inference.manifest import Manifest
from inference.quality import BOUNDS, check_quality
from inference.refusal import Refusal
from inference.score import Score
from inference.vgg16 import FeatureSpec, Reading

if TYPE_CHECKING:
    from inference.airlock.client import Airlock

Floats = npt.NDArray[np.float32]

DECODERS = 4
"""Files that are decoded at once; the airlock has its own bound."""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One file, with what its sender says about it.

    Parameters
    ----------
    file : bytes or Path
        DICOM Part 10, PNG or JPEG.
    facts : mapping
        ``modality``, ``body_part``, ``view``, ``age_years``, ``sex``: they count where the header
        is silent, as it always is in PNG and JPEG.
    widening : Widening, optional
        What its site lets the model score besides.
    """

    file: bytes | Path
    facts: Mapping[str, object] = field(default_factory=dict)
    widening: Widening | None = None


_PLATT = ("slope", "intercept")
UNREADABLE = Refusal(
    code="file_missing",
    detail="The file is no longer where it was stored, or may not be read.",
    outcome="failed",
    remedy="Send the radiograph again, and tell the administrator: the store has lost a file.",
)
OUTPUT_INVALID = Refusal(
    code="model_output_invalid",
    detail="The network's answer is not a probability.",
    outcome="failed",
    remedy="Read it without the model, and report this: the fault is not in the file.",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A radiograph that may be scored."""

    pixels: Floats
    pixel_sha256: str
    facts: Facts
    libraries: Mapping[str, str]
    outside_use: tuple[str, ...] = ()
    widening: int | None = None


class Classifier:
    """A model that is ready to read. One per process; its threads take turns.

    Parameters
    ----------
    bundle : Bundle
        What to run.
    airlock : Airlock
        What opens the files.
    engine : Engine, optional
        What runs the network; by default the one that the bundle names.

    Attributes
    ----------
    batch_size : int
        How many files are best given at a time.
    device : str
        ``cpu`` or ``gpu``: where the network runs.
    """

    def __init__(self, bundle: Bundle, airlock: "Airlock", engine: Engine | None = None) -> None:
        self.manifest: Manifest = bundle.manifest
        self._airlock = airlock
        alpha = shown_alpha(bundle.manifest, bundle.head)
        self._engine = engine or load_engine(bundle.manifest, bundle.body, alpha)
        self._spec = spec_of(bundle.manifest)
        self.batch_size = self._engine.batch_size
        self.device = self._engine.device
        self._head = DenseHead(bundle.manifest.head, bundle.head)
        gates = bundle.manifest.gates
        self._likeness = Likeness(gates, bundle.gates) if gates else None
        self._pool = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._turn = threading.Lock()

    def warm_up(self) -> None:
        """Run the network once, so that the first radiograph does not wait for it.

        Raises
        ------
        EngineUnavailable
            The engine gives it up.
        """
        size = self.manifest.input.size
        try:
            self._engine.read(np.zeros((1, size, size), np.float32))
        except RuntimeError as error:
            sentence = f"{self._engine.name} cannot run the network here: {error}."
            raise EngineUnavailable(sentence) from error

    def classify(
        self, files: Sequence[bytes | Path | Radiograph], *, gates: bool = True
    ) -> list[Score | Refusal]:
        """Return one score or refusal for each file, in their order.

        Parameters
        ----------
        files : sequence of bytes, Path or Radiograph
            Any number; the network runs ``batch_size`` at a time. The score of a file does not
            depend on its neighbours.
        gates : bool
            False leaves out intended use, quality and likeness: to measure what they keep out,
            never for patients.

        Raises
        ------
        AirlockUnavailable
            Nobody opens files: an outage, not a fault of a file.
        """
        return self.score(self.open(files, gates=gates), gates=gates)

    def open(
        self, files: Sequence[bytes | Path | Radiograph], *, gates: bool = True
    ) -> Iterator[Seen | Refusal]:
        """Begin to open files, and return what becomes of each, in their order, once it is asked.

        `classify` in two parts: its second, `score`, may run for other files meanwhile.
        """
        radiographs = [f if isinstance(f, Radiograph) else Radiograph(f) for f in files]
        return self._pool.map(partial(self._see_or_say, gates=gates), radiographs)

    def score(
        self, opened: Iterator[Seen | Refusal], *, gates: bool = True
    ) -> list[Score | Refusal]:
        """Return one score or refusal for each file that `open` began with; see `classify`."""
        answers: list[Score | Refusal] = []
        while part := list(islice(opened, self.batch_size)):  # what follows is opened meanwhile
            with self._turn:
                read = iter(self._read([one for one in part if isinstance(one, Seen)], gates=gates))
            answers += [one if isinstance(one, Refusal) else next(read) for one in part]
        return answers

    def score_pixels(self, pixels: Floats) -> npt.NDArray[np.float64]:
        """Return the (n,) calibrated probabilities of (n, 224, 224) float32 pixels in [0, 1]."""
        logits = self._logits(self._run(pixels).features) if len(pixels) else np.zeros(0)
        return to_probability(logits, self.manifest.calibration)

    def _run(self, pixels: Floats) -> Reading:
        """Return what the network gives of at least one radiograph, a batch at a time."""
        starts = range(0, len(pixels), self.batch_size)
        parts = [self._engine.read(pixels[at : at + self.batch_size]) for at in starts]
        maps = [part.maps for part in parts if part.maps is not None]
        features = np.concatenate([part.features for part in parts])
        return Reading(features, np.concatenate(maps) if maps else None)

    def _logits(self, features: Floats) -> Floats:
        head = self.manifest.head
        if self.manifest.network != "tiny":
            features = self._spec.read(features, FeatureSpec(head.features, head.blocks))
        return self._head.logits(features)

    def picture(self, file: bytes | Path) -> Floats | Refusal:
        """Return the (rows, columns) float32 grey values of one file, display-ready, in [0, 1].

        Raises
        ------
        AirlockUnavailable
        """
        decoded = self._airlock.decode(file, size=None)
        return decoded if isinstance(decoded, Refusal) else decoded.pixels

    def close(self) -> None:
        """End the threads, and the airlock if it was started for this classifier alone."""
        from inference.airlock.client import PrivateAirlock

        self._pool.shutdown()
        if isinstance(self._airlock, PrivateAirlock):
            self._airlock.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _see_or_say(self, radiograph: Radiograph, *, gates: bool) -> Seen | Refusal:
        try:
            return self._see(radiograph, gates=gates)
        except (FileNotFoundError, IsADirectoryError, PermissionError):
            return UNREADABLE

    def _see(self, radiograph: Radiograph, *, gates: bool) -> Seen | Refusal:
        """Return the pixels of one file, unless something speaks against scoring it."""
        header = self._airlock.header(radiograph.file)
        if isinstance(header, Refusal):
            return header
        facts = gather_facts(header.facts, radiograph.facts)
        # The header first: what may not be scored need not be decoded.
        widening = radiograph.widening
        refusal, outside = judge_use(facts, self.manifest.intended_use, widening)
        if gates and refusal:
            return refusal
        decoded = self._airlock.decode(radiograph.file, size=self.manifest.input.size)
        if isinstance(decoded, Refusal):
            return decoded
        own = self.manifest.gates and self.manifest.gates.quality
        colour = decoded.quality.get("colour", 0.0)
        refusal = check_quality(decoded.pixels, colour=colour, bounds=own or BOUNDS)
        # no score comes of what is no number
        if refusal and (gates or refusal.outcome == "failed"):
            return refusal
        number = widening.number if widening and outside else None
        return Seen(decoded.pixels, decoded.pixel_sha256, facts, decoded.libraries, outside, number)

    def _read(self, seen: Sequence[Seen], *, gates: bool) -> list[Score | Refusal]:
        if not seen:
            return []
        pixels = np.stack([one.pixels for one in seen])
        reading = self._run(pixels)
        features, maps = reading.features, reading.maps
        refusals: Sequence[Refusal | None] = [None] * len(seen)
        if gates and self._likeness:
            blocks = self._likeness.gates.blocks
            refusals = self._likeness.refusals(pixels, self._spec.select(features, blocks))
        logits = self._logits(features)
        probabilities = to_probability(logits, self.manifest.calibration)
        shown = [None] * len(seen) if maps is None else [explain(one) for one in maps]
        rows = zip(seen, logits, probabilities, shown, refusals, strict=True)
        return [
            refusal or self._answer(one, float(logit), float(p), explanation)
            for one, logit, p, explanation, refusal in rows
        ]

    def _answer(
        self, seen: Seen, logit: float, probability: float, explanation: Explanation | None
    ) -> Score | Refusal:
        if not 0.0 <= probability <= 1.0:  # NaN is refused here too
            return OUTPUT_INVALID
        manifest = self.manifest
        return Score(
            probability=probability,
            threshold=manifest.threshold.value,
            finding="present" if probability >= manifest.threshold.value else "absent",
            prevalence=manifest.prevalence.value,
            model=manifest.name,
            version=manifest.version,
            unknown=seen.facts.unknown,
            pixel_sha256=seen.pixel_sha256,
            weights_sha256=manifest.weights_sha256,
            preprocessing=manifest.input.preprocessing,
            engine=self._engine.name,
            facts=asdict(seen.facts),
            outside_use=seen.outside_use,
            widening=seen.widening,
            logit=logit,
            calibration={name: getattr(manifest.calibration, name) for name in _PLATT},
            libraries=seen.libraries,
            explanation=explanation,
        )
