"""Looking is recorded too: who opened which study, saw its images, searched."""

from collections.abc import Iterable
from datetime import timedelta

from portal.accounts.models import User
from portal.audit.services import Action, record_alone, record_once
from portal.studies.models import Study
from portal.studies.selectors import study_of

A_LOOK = timedelta(minutes=15)  # whoever comes back sooner is still looking


def open_study(*, study_instance_uid: str, by: User) -> Study:
    """Return a study that ``by`` may see; the trail says once a quarter of an hour who looked.

    Raises
    ------
    NoSuchStudy
    """
    study = study_of(by, study_instance_uid)
    _record_look(Action.STUDY_OPENED, study=study, by=by)
    return study


def record_images_viewed(*, study: Study, by: User) -> None:
    """Remember that ``by`` looked at the images of ``study``, once a quarter of an hour."""
    _record_look(Action.IMAGE_VIEWED, study=study, by=by)


def record_search(*, by: User, fields: Iterable[str], found: int) -> None:
    """Remember that ``by`` searched, by which fields, and how many were shown; never for whom."""
    record_alone(
        Action.STUDIES_SEARCHED,
        chain=by.site.slug,
        subject="studies",
        by=by,
        fields=sorted(fields),
        found=found,
    )


def _record_look(action: Action, *, study: Study, by: User) -> None:
    record_once(action, chain=by.site.slug, subject=f"study:{study}", by=by, within=A_LOOK)
