"""What a version was to reach, and whether it did: aims, not claims."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from inference.bundle import MAX_WEIGHTS
from inference.training.cards.words import (
    MISSING,
    SECOND,
    SPLITS,
    Report,
    at,
    figure,
    interval,
    machine_of,
    mean_of_views,
    percent,
    said,
    share,
)

HEAD_ALONE = "head alone"
"""In what a recipe says about itself: the whole body is frozen."""
TUNED = re.compile(r"blocks? \d(?:(?: to |, | and )\d)* tuned", re.IGNORECASE)
"""In what a recipe says about itself: which blocks are fitted."""
CORES = 2
"""On which the time of training is an aim."""
HEADER_REASONS = ("age_", "modality_", "body_part_", "view_")
"""How the codes begin of what is kept out for its header, not for its looks."""
MINUTES = 90
STRANGERS, CHESTS, FLIPPED = 0.95, 0.02, 0.02
BENCHMARK = {"auc": 0.962, "accuracy": 0.884}
"""ResNet-50 (224) on PneumoniaMNIST: Yang et al. 2023, doi 10.1038/s41597-022-01721-8."""
SINGLE, BOTH, BOTH_INTERNAL = 0.68, 0.86, 0.975


Met = bool | None


class Aim(TypedDict):
    """One aim in words; ``met`` is None where nothing was measured."""

    figure: str
    aim: str
    measured: str
    met: bool | None


def aims_of(report: Report) -> list[Aim]:
    """Return every aim with what ``report``, of schema 2, says was measured."""
    parts = (_internal, _official, _external, _recompressed, _gates, _training, _weights)
    return [aim for part in parts for aim in part(report)]


def _internal(report: Report) -> list[Aim]:
    test = at(report, "splits", "test_internal")
    wanted = (
        ("auc", "AUC", 0.985),
        ("accuracy", "accuracy", 0.95),
        ("specificity_at_95_sensitivity", "specificity at 95 % sensitivity", 0.90),
    )
    aims = [_at_least(f"internal test, {title}", test, name, low) for name, title, low in wanted]
    ece = _figure("internal test, calibration error (ECE)", test, "ece", 0.03, operator.le)
    return [*aims, ece]


def _official(report: Report) -> list[Aim]:
    """Return the aims of the benchmark, whose models score every radiograph: gates off."""
    test = at(report, "splits", "official_test_28", "ungated")
    title = "public test of 624 at 28 pixels, gates off"
    values = {name: at(test, name) for name in BENCHMARK}
    known = None not in values.values()
    beaten = known and all(values[name] > best for name, best in BENCHMARK.items())
    best = "AUC {auc} and accuracy {accuracy}".format(**BENCHMARK)
    words = f"AUC {figure(test, 'auc')}, accuracy {figure(test, 'accuracy')}" if known else MISSING
    return [
        _at_least(f"{title}, AUC", test, "auc", 0.97),
        _at_least(f"{title}, accuracy", test, "accuracy", 0.90),
        _aim(f"{title}, best ResNet", f"more than {best}", words, beaten if known else None),
    ]


def _external(report: Report) -> list[Aim]:
    """Return the aim at the other hospital: it depends on whether the model learned from it."""
    found = mean_of_views(at(report, "splits", "external_report"))
    images = at(report, "training", "images")
    title = "other hospital, AUC, mean of AP and PA, gates off"
    if images is None:
        aim = f">= {SINGLE} learned from one hospital, >= {BOTH} from both"
        return [_aim(title, aim, interval(found), None)]
    if not images.get(SECOND):
        met = None if found is None else found[0] >= SINGLE
        return [_aim(title, f">= {SINGLE} (learned from one hospital)", interval(found), met)]
    test = at(report, "splits", "test_internal")
    internal = at(test, "auc")
    aim = f">= {BOTH} (learned from both), with the internal test >= {BOTH_INTERNAL}"
    words = f"{interval(found)}; internal test {figure(test, 'auc')}"
    known = found is not None and internal is not None
    met = known and found is not None and found[0] >= BOTH and internal >= BOTH_INTERNAL
    return [_aim(title, aim, words, met if known else None)]


def _recompressed(report: Report) -> list[Aim]:
    """Return the aim of recompression: it is met by what was measured on native files."""
    words, held = [], []
    for name in ("val", "test_internal", "external_report"):
        split = at(report, "splits", name)
        rows = {row["disturbance"]: row for row in at(split, "disturbances") or ()}
        if at(rows, "jpeg_q30", "flipped_normal") is None:
            continue
        said_of, flipped = _of_native(rows["jpeg_q30"], split)
        words.append(f"{SPLITS[name]}: {said_of}")
        held += [] if flipped is None else [flipped <= FLIPPED]
    title = "findings that change when a native normal file is recompressed to quality 30"
    met = all(held) if held else None
    return [_aim(title, f"<= {percent(FLIPPED, 0)}", "; ".join(words) or MISSING, met)]


def _of_native(row: Mapping[str, Any], split: object) -> tuple[str, float | None]:
    """Return what was measured on normal files, and the share of native ones that changed.

    Older reports did not count the native ones: where there were any, the share is of all.
    """
    flipped, native = row["flipped_normal"], row.get("native_normal")
    if native is None:
        some = at(split, "parity", "n")
        which = (
            "native where there is such a copy, which was not counted" if some else "none native"
        )
        words = f"{percent(flipped)} of the normal ones of {row['n']} files ({which})"
        return words, flipped if some else None
    words = f"{percent(flipped)} of {row['normal']} normal files ({native or 'none'} native"
    if not native:
        return f"{words})", None
    of_native: float | None = row["flipped_native_normal"]
    return f"{words}, of which {percent(of_native)})", of_native


def _gates(report: Report) -> list[Aim]:
    strangers = report.get("strangers")
    words, met = MISSING, None
    if many := at(strangers, "n"):
        refused = at(strangers, "refused")
        words, met = share(refused, many), refused / many >= STRANGERS
    aims = [_aim("what is no chest radiograph, refused", f">= {percent(STRANGERS, 0)}", words, met)]
    for name in ("test_internal", "external_report"):
        title = f"chest radiographs refused for their looks, {SPLITS[name]}"
        aims.append(_false_refusals(title, at(report, "splits", name)))
    return aims


def _false_refusals(title: str, split: object) -> Aim:
    whole, reasons = at(split, "ungated", "n"), at(split, "refused", "by_reason")
    if not whole or reasons is None:
        return _aim(title, f"<= {percent(CHESTS, 0)}", MISSING, None)
    refused = sum(n for code, n in reasons.items() if not code.startswith(HEADER_REASONS))
    return _aim(title, f"<= {percent(CHESTS, 0)}", share(refused, whole), refused / whole <= CHESTS)


def _training(report: Report) -> list[Aim]:
    training = report.get("training")
    seconds = at(training, "seconds")
    minutes = sum(seconds.values()) / 60 if seconds else None
    ours, article = at(training, "seconds_an_epoch"), at(training, "article_seconds_an_epoch")
    cores = at(training, "origin", "machine", "cores") or 0
    head, what = _fitted(training)
    wanted = 50.0 if head else 3.5
    faster = article / ours if ours and article else None
    times = None if faster is None else f"{faster:.1f} times ({ours:,.1f} s, {article:,.1f} s)"
    return [
        _aim(
            "training on two CPU cores",
            f"<= {MINUTES} min",
            MISSING if minutes is None else f"{minutes:.0f} min ({_circumstances(training)})",
            None if minutes is None or cores > CORES else minutes <= MINUTES,
        ),
        _aim(
            f"an epoch, against the article's recipe run naively ({what})",
            f">= {wanted:g} times as fast",
            said(times),
            None if faster is None else faster >= wanted,
        ),
    ]


def _fitted(training: object) -> tuple[bool, str]:
    """Return whether the head alone was fitted, and in words what was."""
    about = at(training, "about") or ""
    if HEAD_ALONE in about.lower():
        return True, HEAD_ALONE
    found = TUNED.search(about)
    return False, found[0].lower() if found else "what is tuned is not said"


def _circumstances(training: object) -> str:
    """Return the precision and the processor of a training."""
    precision = at(training, "precision")
    parts = ("precision not noted" if precision is None else str(precision),
             machine_of(training) or "processor not noted")  # fmt: skip
    return "; ".join(parts)


def _weights(report: Report) -> list[Aim]:
    taken = report.get("weights_bytes")
    words = MISSING if taken is None else f"{taken / 1e6:.1f} MB"
    met = None if taken is None else taken <= MAX_WEIGHTS
    return [_aim("shipped weights", f"<= {MAX_WEIGHTS / 1e6:.0f} MB", words, met)]


def _at_least(title: str, part: object, name: str, low: float) -> Aim:
    return _figure(title, part, name, low, operator.ge)


def _figure(
    title: str, part: object, name: str, bound: float, holds: Callable[[float, float], bool]
) -> Aim:
    """Return the aim of one figure; where the gates are on, the figure without them is said too."""
    value, sign = at(part, name), ">=" if holds is operator.ge else "<="
    words = figure(part, name)
    if value is not None and at(part, "ungated", name) is not None:
        words += f"; gates off {figure(at(part, 'ungated'), name)}"
    return _aim(title, f"{sign} {bound:g}", words, None if value is None else holds(value, bound))


def _aim(title: str, aim: str, measured: str, met: Met) -> Aim:
    return {"figure": title, "aim": aim, "measured": measured, "met": met}
