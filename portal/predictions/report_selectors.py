"""Read side of what was measured of a model version."""

from portal.errors import NotFound
from portal.predictions.models import ModelReport, ModelVersion, ReportPicture


class NoSuchReport(NotFound):
    """The version came without a report, or its report without this picture."""

    code = "no_such_report"


def report_of(version: ModelVersion) -> ModelReport | None:
    """Return the report of ``version``, if it came with one."""
    return ModelReport.objects.filter(model_version=version).first()


def needed_report(version: ModelVersion) -> ModelReport:
    """Return the report of ``version``.

    Raises
    ------
    NoSuchReport
    """
    report = report_of(version)
    if report is None:
        raise NoSuchReport(f"{version} came without a report.")
    return report


def pictures_of(report: ModelReport) -> dict[str, str]:
    """Return the SHA-256 of each picture by its name, without the pictures themselves."""
    return dict(report.pictures.order_by("name").values_list("name", "sha256"))


def picture_of(version: ModelVersion, name: str) -> ReportPicture:
    """Return a picture of the report of ``version``.

    Raises
    ------
    NoSuchReport
    """
    found = ReportPicture.objects.filter(report__model_version=version, name=name).first()
    if found is None:
        raise NoSuchReport(f"{version} came without this picture.")
    return found
