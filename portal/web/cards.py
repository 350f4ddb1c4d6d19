"""What the study page says about each image: one card, whatever the machine did or did not do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from portal.accounts.models import User
from portal.predictions.act_selectors import Acts, acts_on
from portal.predictions.deployment_selectors import live_version
from portal.predictions.models import WIDENABLE, Prediction, SitePrevalence, Widening
from portal.predictions.prevalence_selectors import prevalence_at, probability_at
from portal.predictions.selectors import (
    leading_prediction,
    predictions_of,
    run_seconds,
    wait_seconds,
    with_place,
)
from portal.predictions.services import MAX_ATTEMPTS
from portal.predictions.widening_selectors import widening_in_force
from portal.studies.models import Instance, Study
from portal.studies.selectors import visible_instances

UNFINISHED = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True)
class Card:
    """One image and the latest that was said about it.

    ``number`` counts from 1 in the order of arrival; ``wait`` and ``run`` are seconds; ``leads``
    marks the prediction that a review names when there are several images; ``acts`` tells who let
    the model try again or took it out of the queue; ``here`` is how common pneumonia is at the
    site, if somebody entered that; ``widening`` is what the site lets the live model score besides.
    """

    instance: Instance
    number: int
    prediction: Prediction | None = None
    place: int | None = None
    wait: float | None = None
    run: float | None = None
    leads: bool = False
    acts: Acts = field(default_factory=Acts)
    here: SitePrevalence | None = None
    widening: Widening | None = None

    @property
    def may_be_retried(self) -> bool:
        """Whether the model may be asked again, by itself or because a widening lets it in."""
        row = self.prediction
        return row is not None and (row.may_be_retried or row.is_let_in_by(self.widening))

    @property
    def score_here(self) -> float | None:
        """The score at the prevalence that was entered for the site; None if there is neither."""
        row = self.prediction
        if row is None or row.score is None or self.here is None or self.here.share is None:
            return None
        return probability_at(row.score, of=row.model_version.prevalence, at=self.here.share)

    @property
    def ending(self) -> str:
        """How it ended, or where it stands: decides the words."""
        if self.prediction is None:
            return "none"
        if self.prediction.outcome == Prediction.Outcome.SCORED:
            return self.prediction.finding
        return self.prediction.outcome or self.prediction.state

    @property
    def tone(self) -> str:
        """The same, whatever was found: neither answer may reassure or alarm by its colour."""
        is_scored = self.prediction and self.prediction.outcome == Prediction.Outcome.SCORED
        return "scored" if is_scored else self.ending

    @property
    def attempts_allowed(self) -> int:
        """How often the machine tries before it gives up."""
        return MAX_ATTEMPTS

    @property
    def is_pending(self) -> bool:
        """Whether the machine has not ended yet."""
        return self.prediction is not None and self.prediction.state in UNFINISHED


def images_of(study: Study, user: User) -> list[Instance]:
    """Return the images of ``study`` that ``user`` may see, in the order they came."""
    seen = visible_instances(user).filter(series__study=study)
    return list(seen.select_related("series").order_by("pk"))


def cards_of(study: Study, images: Iterable[Instance]) -> list[Card]:
    """Return a card for each of ``images``."""
    latest = {row.instance_id: row for row in with_place(predictions_of(study))}
    leading = leading_prediction(study)
    scored = any(row.outcome == Prediction.Outcome.SCORED for row in latest.values())
    here = prevalence_at(study.site) if scored else None
    refused = any(row.code in WIDENABLE for row in latest.values())
    version = live_version(study.site) if refused else None
    widening = widening_in_force(study.site, version) if version else None
    done = acts_on(latest.values(), site=study.site)
    cards = [
        _card(image, number, latest.get(image.pk), leading, done)
        for number, image in enumerate(images, start=1)
    ]
    return [replace(card, here=here, widening=widening) for card in cards]


def _card(
    image: Instance,
    number: int,
    prediction: Prediction | None,
    leading: Prediction | None,
    done: Mapping[UUID, Acts],
) -> Card:
    if prediction is None:
        return Card(image, number)
    return Card(
        image,
        number,
        prediction,
        place=getattr(prediction, "place"),  # noqa: B009 (a column that mypy cannot know)
        wait=wait_seconds(prediction),
        run=run_seconds(prediction),
        leads=prediction == leading,
        acts=done[prediction.pk],
    )
