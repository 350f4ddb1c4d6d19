"""Read side of studies. Every query starts from what the user may see."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.errors import NotFound
from portal.studies.models import Instance, Study


class NoSuchStudy(NotFound):
    """There is none of this UID where the user may look."""

    code = "no_such_study"


class NoSuchInstance(NotFound):
    """There is none of this UID where the user may look."""

    code = "no_such_instance"


def visible_instances(user: User) -> QuerySet[Instance]:
    """Return the site's instances, or of an uploader those they sent."""
    if user.may(May.SEE_STUDIES):
        return Instance.objects.filter(site_id=user.site_id)
    if user.may(May.SEE_OWN_UPLOADS):
        return Instance.objects.filter(site_id=user.site_id, received_by=user)
    return Instance.objects.none()


def visible_studies(user: User) -> QuerySet[Study]:
    """Return the site's studies, or of an uploader those they sent something to."""
    if user.may(May.SEE_STUDIES):
        return Study.objects.filter(site_id=user.site_id)
    own = visible_instances(user).filter(series__study=OuterRef("pk"))
    return Study.objects.filter(Exists(own), site_id=user.site_id)


def study_of(user: User, study_instance_uid: str) -> Study:
    """Return one study.

    Raises
    ------
    NoSuchStudy
    """
    study = visible_studies(user).filter(study_instance_uid=study_instance_uid).first()
    if study is None:
        raise NoSuchStudy("There is no such study.")
    return study


def instance_of(user: User, study: Study, sop_instance_uid: str) -> Instance:
    """Return one instance of a study.

    Raises
    ------
    NoSuchInstance
    """
    found = visible_instances(user).filter(series__study=study, sop_instance_uid=sop_instance_uid)
    instance = found.first()
    if instance is None:
        raise NoSuchInstance("There is no such image.")
    return instance


def matching(studies: QuerySet[Study], words: str) -> QuerySet[Study]:
    """Return those whose patient id, accession number or patient name hold ``words``."""
    if not words:
        return studies
    return studies.filter(
        Q(patient_id__iexact=words)
        | Q(accession_number__iexact=words)
        | Q(patient_name__icontains=words)
    )


def identified(
    studies: QuerySet[Study],
    *,
    patient_id: str = "",
    patient_name: str = "",
    accession_number: str = "",
) -> QuerySet[Study]:
    """Return those of this patient id and accession number whose patient name holds the words."""
    if patient_id:
        studies = studies.filter(patient_id=patient_id)
    if accession_number:
        studies = studies.filter(accession_number=accession_number)
    return studies.filter(patient_name__icontains=patient_name) if patient_name else studies


def instance_with_bytes(site: Site, sha256: str) -> Instance | None:
    """Return the instance of a site whose file has this SHA-256, if any."""
    same = Instance.objects.filter(site=site, sha256=sha256)
    return same.select_related("series__study").order_by("pk").first()
