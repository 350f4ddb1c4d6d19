"""What the model is for, how it came about, and what was chosen."""

from collections.abc import Mapping, Sequence

from inference.training.cards.words import (
    Report,
    at,
    bullets,
    code,
    machine_of,
    named,
    percent,
    plain,
    said,
    section,
    share,
    table,
    titles,
)

HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy", "val_auc")
EPOCHLESS = "none: the head alone, by a regression"


def use(report: Report) -> str:
    """Return whom the model is for, and what it must not be used for."""
    given = report.get("intended_use")
    ages = at(given, "age_years")
    allowed = {
        "age": f"{ages[0]} to {ages[1]} completed years" if ages else None,
        "modality": _listed(at(given, "modalities")),
        "body part": _listed(at(given, "body_parts")),
        "view": _listed(at(given, "views")),
        "may be unknown": _listed(at(given, "unknown_allowed")),
    }
    return section(
        "Use and limits",
        said(report.get("statement")),
        table(["of the radiograph", "may be"], [(k, said(v)) for k, v in allowed.items()]),
        "The same is machine-readable in the bundle's `manifest.json` and enforced before anything "
        'is scored: outside it a radiograph is stored and shown but gets no number. "Absent" does '
        "not mean normal, only that this model did not suggest pneumonia.",
        said(report.get("disclaimer")),
    )


def making(report: Report) -> str:
    """Return the recipe, the data, the time, and what each fit reached."""
    training = report.get("training")
    images = at(training, "images") or {}
    kept = at(training, "kept_epoch")
    rows = [
        ("recipe", said(at(training, "recipe"))),
        ("seed", said(at(training, "seed"))),
        ("body's weights", said(at(training, "base"))),
        ("views of each radiograph", said(_listed(at(training, "views")))),
        ("multiplications of the fit", said(at(training, "precision"))),
        *([("machine", machine)] if (machine := machine_of(training)) else []),
        ("radiographs", ", ".join(f"{k} {v:,}" for k, v in images.items()) or said(None)),
        ("epoch kept", EPOCHLESS if kept == 0 else said(kept)),
    ]
    fits = at(training, "histories") or {}
    return section(
        "How it was made",
        said(at(training, "about")),
        table(["of the training", "was"], rows),
        "### Time",
        _seconds(training),
        *(_fits(fits) if kept != 0 else ()),
    )


def chosen(report: Report) -> str:
    """Return calibration, prevalence and threshold."""
    threshold, calibration = report.get("threshold"), report.get("calibration")
    ends = at(threshold, "interval")
    value = said(at(threshold, "value"))
    prevalence = report.get("prevalence")
    rows = [
        ("threshold", f"{value} ({said(ends[0])} to {said(ends[1])})" if ends else value),
        ("sensitivity it was to have", percent(at(threshold, "target_sensitivity"), 0)),
        ("threshold chosen on", said(at(threshold, "chosen_on"))),
        ("calibration, slope", said(at(calibration, "slope"))),
        ("calibration, intercept", said(at(calibration, "intercept"))),
        ("calibration fitted on", said(at(calibration, "fitted_on"))),
        ("prevalence there", percent(at(prevalence, "value"))),
        ("prevalence of", said(at(prevalence, "of"))),
    ]
    how = at(threshold, "how")
    return section(
        "Calibration and threshold",
        table(["chosen", "value"], rows),
        f"The threshold is {how}." if how else "",
        "A probability holds at that prevalence only; a site may enter its own.",
    )


def gates(report: Report) -> str:
    """Return the gates' numbers and what they refuse, of strangers and of radiographs."""
    numbers = report.get("gates")
    strangers = report.get("strangers")
    return section(
        "Gates",
        table(["gate", "value"], named(numbers) if isinstance(numbers, Mapping) else ()),
        "### Of what is no chest radiograph",
        _strangers(strangers),
        "### Of real radiographs",
        table(["split", "refused", "by outcome", "by reason"], _refused(report)),
    )


def maps(report: Report) -> str:
    """Return whether maps of where it looked depend on what it learned."""
    check = report.get("explanation")
    if not isinstance(check, Mapping):
        return section("Maps of where it looked", "Not checked, so none are shown.")
    steps = check.get("correlations") or {}
    return section(
        "Maps of where it looked",
        f"{said(check.get('method'))}. Weights were replaced by chance, from the head down, and "
        f"the maps of {said(check.get('images'))} radiographs of val compared with those of the "
        "learned weights (Adebayo et al. 2018): rank correlation without its sign, 0 for another "
        "map and 1 for the same.",
        table(["replaced down to", "correlation"], [[k, said(v)] for k, v in steps.items()]),
        f"At most {said(check.get('bound'))} after each step is wanted: "
        + ("so it was, and maps are shown." if check.get("passed") else "no map is shown."),
        "A map says where the network looked, not why, and not that pneumonia is there.",
    )


def licences(report: Report) -> str:
    """Return what the model learned from and what may be done with it."""
    return section(
        "Data and licences",
        bullets(report.get("data") or ()),
        "Licences:",
        bullets(report.get("licences") or ()),
    )


def head(report: Report) -> str:
    """Return the title and which weights the card is about."""
    lines = [
        f"# Model card: {said(report.get('model'))} {said(report.get('version'))}",
        "This page is made from the bundle's `report.json` "
        "(`python -m inference.training card`); it says nothing that is not there.",
        f"Made on {said(report.get('created'))}. "
        f"SHA-256 of the weights: {code(said(report.get('weights_sha256')))}.",
    ]
    return "\n\n".join(lines)


def _listed(values: Sequence[object] | None) -> str | None:
    return None if values is None else ", ".join(map(str, values)) or "nothing"


def _seconds(training: object) -> str:
    seconds = at(training, "seconds") or {}
    rows = [(plain(part), f"{value:,.0f}") for part, value in seconds.items()]
    if rows:
        rows.append(("together", f"{sum(seconds.values()):,.0f}"))
    ours, article = at(training, "seconds_an_epoch"), at(training, "article_seconds_an_epoch")
    words = (
        f"An epoch took {said(ours, 1)} s"
        if ours is not None
        else "The time of an epoch was not measured"
    )
    if article is None:
        words += "; the article's recipe was not measured beside it."
    else:
        words += f"; one of the article's recipe, on the same machine, {said(article, 1)} s"
        words += f" ({article / ours:.1f} times as long)." if ours else "."
    return f"{table(['part', 'seconds'], rows)}\n\n{words}"


def _fits(fits: Mapping[str, Mapping[str, Sequence[float]]]) -> tuple[str, ...]:
    return (
        "### What the fits reached",
        "The last epoch of each; the worth is what its epoch was chosen by.",
        table(["fit", "epochs", *map(plain, HISTORY), "best worth"],
              [_fit(name, history) for name, history in fits.items()]),
    )  # fmt: skip


def _fit(name: str, history: Mapping[str, Sequence[float]]) -> list[str]:
    epochs = max((len(values) for values in history.values()), default=0)
    last = [said(history[key][-1]) if history.get(key) else said(None) for key in HISTORY]
    worth = history.get("worth")
    return [plain(name), str(epochs), *last, said(max(worth) if worth else None)]


def _strangers(strangers: object) -> str:
    many = at(strangers, "n")
    if not many:
        return "Not measured."
    reasons = at(strangers, "by_reason") or {}
    rows = [(code(reason), n) for reason, n in reasons.items()]
    words = f"{said(at(strangers, 'what'))}: {share(at(strangers, 'refused'), many)} refused."
    return f"{words}\n\n{table(['reason', 'files'], rows)}" if rows else words


def _refused(report: Report) -> list[list[str]]:
    rows = []
    for key, title in titles(report).items():
        split = at(report, "splits", key)
        refused, whole = at(split, "refused"), at(split, "ungated", "n")
        if refused is None or not whole:
            rows.append([title, said(None), "", ""])
            continue
        counts = [
            ", ".join(f"{plain(code)} {n}" for code, n in refused[by].items()) or "none"
            for by in ("by_outcome", "by_reason")
        ]
        rows.append([title, share(refused["n"], whole), *counts])
    return rows
