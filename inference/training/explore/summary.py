"""What to know first, in sentences."""

from inference.training.explore.counts import Record
from inference.training.explore.duplicates import Duplicates
from inference.training.explore.markup import count
from inference.training.explore.questions import CONTRADICTED
from inference.training.explore.shortcuts import STRONG, TITLES, Group, Shortcut

SAID = 3
"""Names in a sentence; the page has the rest."""


def summarise(
    splits: list[Record],
    shortcuts: list[Group],
    duplicates: Duplicates,
    read_again: list[dict[str, str]],
    changed: list[str],
) -> list[str]:
    """Return the sentences that the page begins with and that the command prints."""
    found = [
        _strongest([group for group in shortcuts if group["by"] == "split"]),
        _turned([group for group in shortcuts if group["by"] == "split"]),
        _one_sided(splits),
        _duplicates(duplicates),
        _doubtful(read_again),
        _changed(changed),
    ]
    return [sentence for sentence in found if sentence]


def _strongest(groups: list[Group]) -> str:
    strong = [
        (_separation(one), one, group["name"])
        for group in groups
        for one in group["measures"]
        if one["shortcut"]
    ]
    if not strong:
        return f"No simple measure alone separates the classes of a split with an AUC of {STRONG}."
    _, one, split = max(strong, key=lambda item: item[0])
    names = len({one["measure"] for _, one, _ in strong})
    where = len({name for *_, name in strong})
    return (
        f"{count(names, 'simple measure separates', 'simple measures separate')} the classes of a "
        f"split without any medicine (AUC {STRONG} or more, or {1 - STRONG:.1f} or less); it "
        f"happens in {where} of {count(len(groups), 'split')}. The strongest is "
        f"{TITLES[one['measure']].lower()} in {split}: AUC {one['auc']:.3f}, {one['direction']} in "
        "PNEUMONIA. A network can learn these instead."
    )


def _turned(groups: list[Group]) -> str:
    """Return the shortcuts that surely run the other way in another split, the strongest first."""
    found: list[tuple[float, str]] = []
    for key in TITLES:
        there = [(g["name"], one) for g in groups for one in g["measures"] if one["measure"] == key]
        sides = {
            way: [(name, one) for name, one in there if _is_sure(one) and one["direction"] == way]
            for way in ("lower", "higher")
        }
        if all(sides.values()) and any(one["shortcut"] for _, one in there):
            weaker = min(max(_separation(one) for _, one in side) for side in sides.values())
            names = {way: _few([name for name, _ in side]) for way, side in sides.items()}
            said = f"lower in {names['lower']}, higher in {names['higher']}"
            found.append((weaker, f"{TITLES[key].lower()} ({said})"))
    if not found:
        return ""
    found.sort(key=lambda one: -one[0])
    more = f"; {len(found) - SAID} more are in the table" if len(found) > SAID else ""
    return (
        "Some shortcuts run the other way in another split, where a model that relies on them "
        f"fails: {'; '.join(text for _, text in found[:SAID])}{more}."
    )


def _few(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - SAID} more" if len(names) > SAID else ""
    return f"{', '.join(names[:SAID])}{more}"


def _separation(one: Shortcut) -> float:
    """Return the AUC, whichever way it runs; 0 if there is none."""
    return 0.0 if one["auc"] is None else max(one["auc"], 1 - one["auc"])


def _is_sure(one: Shortcut) -> bool:
    """Say whether the interval leaves out 0.5, which says nothing."""
    low, high = one["low"], one["high"]
    return low is not None and high is not None and not low <= 0.5 <= high  # noqa: PLR2004


def _one_sided(splits: list[Record]) -> str:
    names: dict[str, set[str]] = {}
    for record in splits:
        there = {name for name in ("NORMAL", "PNEUMONIA") if record[name]}
        names.setdefault(str(record["source"]), set()).update(there)
    alone = [f"{source} ({next(iter(there))} only)" for source, there in names.items()
             if len(there) == 1]  # fmt: skip
    if not alone:
        return ""
    return f"A source of one class gives its label away: {', '.join(alone)}."


def _duplicates(found: Duplicates) -> str:
    exact, near = found["exact"], found["near"]
    if not exact and not near:
        return f"No duplicates and no near duplicates among {found['compared']:,} radiographs."
    across = [group for group in (*exact, *near) if group["across_splits"]]
    patients = sorted({copy["patient"] for group in across for copy in group["files"]})
    named = f" (patients {_few(patients)})" if across else ""
    return (
        f"{count(len(exact), 'group')} of byte-identical files and "
        f"{count(len(near), 'pair')} of near duplicates; {len(across)} of them reach across "
        f"splits{named}."
    )


def _doubtful(read_again: list[dict[str, str]]) -> str:
    wrong = [one for one in read_again if one["label_tier"] == CONTRADICTED]
    if not wrong:
        return ""
    return (
        f"Experts contradicted the label of {len(wrong)} of {count(len(read_again), 'radiograph')} "
        "that they read again; the training leaves these out of fitting."
    )


def _changed(changed: list[str]) -> str:
    if not changed:
        return ""
    return (
        f"{count(len(changed), 'file is', 'files are')} not the one of the list (SHA-256): "
        f"{_few(changed)}."
    )
