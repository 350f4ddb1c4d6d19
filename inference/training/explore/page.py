"""The one page: self-contained, without scripts, readable on paper."""

from pathlib import Path

from inference.training.explore.document import Document
from inference.training.explore.markup import Html, count, items, join, sentences, tag
from inference.training.explore.pictures import Thumbnails
from inference.training.explore.shell import whole_page
from inference.training.explore.shown_counts import show_counts, show_files, show_patients
from inference.training.explore.shown_measures import show_greys, show_shortcuts, show_spreads
from inference.training.explore.shown_pictures import (
    show_duplicates,
    show_extremes,
    show_labels,
    show_means,
    show_sheets,
)
from inference.training.explore.table import Table

CONTENTS = {
    "shortcuts": "Shortcuts",
    "counts": "Radiographs",
    "patients": "Patients",
    "measures": "Sizes, tone, compression and sharpness",
    "greys": "Grey levels",
    "duplicates": "Duplicates",
    "labels": "Doubtful labels",
    "means": "Mean radiographs",
    "samples": "Samples",
    "extremes": "Extremes",
    "files": "Files",
}


def write_page(document: Document, table: Table, folder: Path, file: Path) -> None:
    """Write ``document``, with pictures of the radiographs in ``folder``, to ``file``."""
    head, body = _head(document), _body(document, table, folder)
    text = whole_page("Exploratory analysis of the radiographs", head, body)
    file.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")


def _head(document: Document) -> Html:
    splits = len({str(record["split"]) for record in document["splits"]})
    sources = len({str(record["source"]) for record in document["splits"]})
    return join(
        (
            sentences(
                f"{count(document['radiographs'], 'radiograph')} of "
                f"{count(document['patients'], 'patient')}, in {count(splits, 'split')} and "
                f"{count(sources, 'source')}. Drawn with seed {document['seed']}; the same folder "
                "and seed give the same page. Every figure is in explore.json as well."
            ),
            tag("h2", "What to know first", id="first"),
            items(document["summary"]),
            sentences(
                "This page holds radiographs and the list's names of patients: keep it where the "
                "data may be kept."
            ),
        )
    )


def _body(document: Document, table: Table, folder: Path) -> Html:
    thumbs = Thumbnails(folder)
    links = items(tag("a", title, href=f"#{key}") for key, title in CONTENTS.items())
    contents = tag("nav", tag("h2", "Contents", id="contents"), links, aria_labelledby="contents")
    return join(
        (
            contents,
            show_shortcuts(document),
            show_counts(document),
            show_patients(document),
            show_spreads(document),
            show_greys(document),
            show_duplicates(document, thumbs),
            show_labels(document, thumbs),
            show_means(document, table),
            show_sheets(document, thumbs),
            show_extremes(document, thumbs),
            show_files(document),
        )
    )
