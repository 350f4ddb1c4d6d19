"""The page's sections that show radiographs."""

from collections.abc import Sequence

from inference.training.explore.document import Document
from inference.training.explore.duplicates import Copy, Exact, Near
from inference.training.explore.markup import (
    Html,
    count,
    figure,
    grid,
    join,
    number,
    section,
    sentences,
    table,
    tag,
)
from inference.training.explore.pictures import Thumbnails, show_difference, show_mean
from inference.training.explore.questions import EXTREMES, Extreme, Looked, Sheet
from inference.training.explore.simple import BY_KEY
from inference.training.explore.table import NAMES, Table

PAIRS = 24
"""Pairs of near duplicates that are shown; explore.json has all."""


def show_duplicates(document: Document, thumbs: Thumbnails) -> Html:
    """Return the section of exact and near duplicates."""
    found = document["duplicates"]
    bits, alike = document["limits"]["hash_bits"], document["limits"]["correlation"]
    return section(
        "duplicates",
        "Duplicates",
        sentences(
            "A radiograph that is in training and in a test is learned by heart; one that has both "
            f"labels cannot be learned. Compared: {count(found['compared'], 'radiograph')}."
        ),
        tag("h3", "Byte for byte"),
        _exact(found["exact"]),
        tag("h3", "Near duplicates"),
        sentences(
            f"The perceptual hashes (pHash, 64 bits) differ in at most {bits:.0f} bits and the 32 "
            f"x 32 pictures correlate with {alike} or more. The hash alone also names "
            f"{count(found['hashed_alike'], 'pair')} that are merely two chests, and that the "
            "correlation sets apart; the closest of those are below, to judge the limit by.",
            _said(found["near"]),
        ),
        _pairs(found["near"][:PAIRS], thumbs),
        _closest(found["closest"], thumbs),
        tag("h3", "Copies that the list declares"),
        sentences(_declared(found["declared"], len(found["declared_apart"]))),
        _pairs(found["declared_apart"][:PAIRS], thumbs),
    )


def show_extremes(document: Document, thumbs: Thumbnails) -> Html:
    """Return the section of the lowest and highest of each measure."""
    return section(
        "extremes",
        "Extremes",
        sentences(
            "The radiographs with the lowest and the highest value of each measure: where cut, "
            "rotated, inverted, overexposed or written-on pictures show up. Where the list has a "
            "radiograph twice, its native copy stands for it."
        ),
        *(_extreme(extreme, thumbs) for extreme in document["extremes"]),
    )


def show_means(document: Document, table_: Table) -> Html:
    """Return the section of the mean radiographs and their differences."""
    return section(
        "means",
        "Mean radiographs",
        sentences(
            "The mean of all radiographs of a source and class, at 224 x 224. The difference is "
            "blue where NORMAL is brighter and orange where PNEUMONIA is; its range is in the "
            "caption, on the scale from 0 (black) to 1 (white). Differences in the lungs may be "
            "disease; at the borders, shoulders and diaphragm they are how the picture was taken."
        ),
        *(
            _mean(source, table_, document["mean_differences"].get(source))
            for source in dict.fromkeys(key[0] for key in table_.means)
        ),
    )


def show_sheets(document: Document, thumbs: Thumbnails) -> Html:
    """Return the section of random samples."""
    return section(
        "samples",
        "Samples",
        sentences(
            f"Drawn at random with seed {document['seed']}: what a file of each class and split "
            "looks like, not the best and not the worst."
        ),
        *(_sheet(sheet, thumbs) for sheet in document["sheets"]),
    )


def show_labels(document: Document, thumbs: Thumbnails) -> Html:
    """Return the section of the labels that experts read again."""
    found = document["read_again"]
    if not found:
        text = "The list marks no radiograph as read again by experts."
        return section("labels", "Doubtful labels", sentences(text))
    keys = ("file", "label", "label_tier", "split", "patient", "view", "subtype")
    shown = [one for one in found if one["label_tier"].endswith("contradicted")]
    return section(
        "labels",
        "Doubtful labels",
        sentences(
            f"{count(len(found), 'radiograph')} whose label experts read again, "
            f"{len(shown)} of them with the opposite finding. These stay out of fitting; figures "
            "are given with and without them."
        ),
        table("Radiographs read again", list(keys), [[one[key] for key in keys] for one in found]),
        grid(
            (_thumb(thumbs, one, f"listed {one['label']}, contradicted") for one in shown), "thumbs"
        ),
    )


def _exact(groups: Sequence[Exact]) -> Html:
    if not groups:
        return sentences("No two files have the same SHA-256.")
    rows = [
        (
            group["sha256"][:12],
            _across(group),
            join(tag("div", _named(copy)) for copy in group["files"]),
        )
        for group in groups
    ]
    return join(
        (
            sentences("Files with the same SHA-256, those across splits first."),
            table("Byte-identical files", ["SHA-256", "reaches across", "files"], rows),
        )
    )


def _said(near: Sequence[Near]) -> str:
    if not near:
        return "There is no such pair."
    across = sum(pair["across_splits"] for pair in near)
    shown = f"; the first {PAIRS} are shown" if len(near) > PAIRS else ""
    return f"{count(len(near), 'pair')}, {across} across splits{shown}, those first."


def _pairs(pairs: Sequence[Near], thumbs: Thumbnails) -> Html:
    return grid((_pair(pair, thumbs) for pair in pairs), "pairs") if pairs else Html("")


def _pair(pair: Near, thumbs: Thumbnails) -> Html:
    pictures = [thumbs.show(copy["file"], f"{copy['label']}: {copy['file']}")
                for copy in pair["files"]]  # fmt: skip
    said = join(
        (
            f"{_across(pair)}; {count(pair['bits'], 'bit')}, correlation {pair['correlation']:.4f}",
            *(tag("div", _named(copy)) for copy in pair["files"]),
        )
    )
    return figure(tag("div", *pictures, class_="two"), said)


def _closest(pairs: Sequence[Near], thumbs: Thumbnails) -> Html:
    if not pairs:
        return Html("")
    return join((tag("h4", "The closest that are not"), _pairs(pairs, thumbs)))


def _declared(many: int, apart: int) -> str:
    if not many:
        return "The list declares no file to be the native copy of another one."
    return (
        f"{count(many, 'file is', 'files are')} listed with a native copy. "
        f"{'All show the same picture' if not apart else f'{apart} do not show the same picture'} "
        "by the measure above."
    )


def _across(group: Exact | Near) -> str:
    said = [
        name
        for name, there in (
            ("splits", group["across_splits"]),
            ("classes", group["across_classes"]),
        )
        if there
    ]
    return f"across {' and '.join(said)}" if said else "within one split"


def _named(copy: Copy) -> str:
    return f"{copy['split']}, {copy['label']}, patient {copy['patient']}: {copy['file']}"


def _extreme(extreme: Extreme, thumbs: Thumbnails) -> Html:
    simple = BY_KEY[extreme["measure"]]
    title = tag("h3", simple.title)
    if extreme["lowest"][0]["value"] == extreme["highest"][0]["value"]:
        return join((title, sentences("The same in all.")))

    ends = (
        ("lowest", extreme["lowest"], extreme["lowest_tied"]),
        ("highest", extreme["highest"], extreme["highest_tied"]),
    )

    def shown(looked: Looked) -> Html:
        said = f"{number(looked['value'], simple.digits)}, {looked['label']}, {looked['split']}"
        return _thumb(thumbs, dict(looked), said)

    return join(
        (
            title,
            grid(
                (
                    tag(
                        "div",
                        tag("h4", f"{end.capitalize()}{_tied(tied)}"),
                        grid(map(shown, looked), "thumbs"),
                    )
                    for end, looked, tied in ends
                ),
                "ends",
            ),
        )
    )


def _tied(many: int) -> str:
    return f" ({many:,} share it; the first are shown)" if many > EXTREMES else ""


def _mean(source: str, table_: Table, full: float | None) -> Html:
    there = {
        label: table_.means[source, label] for label in NAMES if (source, label) in table_.means
    }
    shown = [
        figure(show_mean(mean, f"Mean {NAMES[label]} radiograph of {source}"), NAMES[label])
        for label, mean in there.items()
    ]
    if full is not None:
        alt = f"Difference of the means of {source}: PNEUMONIA less NORMAL"
        picture = show_difference(there[1] - there[0], full, alt)
        shown.append(figure(picture, f"PNEUMONIA less NORMAL; full colour is {full:.2f}"))
    return join((tag("h3", source), grid(shown, "means")))


def _sheet(sheet: Sheet, thumbs: Thumbnails) -> Html:
    title = f"{sheet['split']}, {sheet['label']}: {len(sheet['files'])} of {sheet['of']:,}"
    pictures = [_thumb(thumbs, {"file": file, "label": sheet["label"]}, "")
                for file in sheet["files"]]  # fmt: skip
    return join((tag("h3", title), sentences(sheet["source"]), grid(pictures, "thumbs")))


def _thumb(thumbs: Thumbnails, one: dict[str, object] | dict[str, str], said: str) -> Html:
    file = str(one["file"])
    name = tag("span", file, class_="file")
    caption = join((said, tag("br"), name)) if said else name
    return figure(thumbs.show(file, f"{one['label']}: {file}"), caption)
