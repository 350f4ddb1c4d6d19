"""Read side of what the audit trail calls the things of a patient."""

from itertools import chain

from portal.accounts.models import Site
from portal.predictions.models import Prediction
from portal.studies.models import Instance, Study


def subjects_of_patient(site: Site, patient_id: str) -> set[str]:
    """Return the subjects of events about studies, images and predictions of one PatientID."""
    studies = Study.objects.filter(site=site, patient_id=patient_id)
    images = Instance.objects.filter(series__study__in=studies)
    rows = Prediction.objects.filter(instance__in=images)
    return set(
        chain(
            (f"study:{uid}" for uid in studies.values_list("study_instance_uid", flat=True)),
            (f"instance:{uid}" for uid in images.values_list("sop_instance_uid", flat=True)),
            (f"prediction:{pk}" for pk in rows.values_list("pk", flat=True)),
        )
    )
