from datetime import timedelta

import pytest
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.studies.blobs import store
from portal.web.picture import Scale, scale_of
from portal.web.presets import presets_of
from portal.web.window import Window
from tests.dicom_files import child_chest, png_chest
from tests.factories import make_instance, make_study
from tests.portal.web.pages import at, events, text_of

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def study(site, portal_airlock):
    return make_study(site)


def picture(client, instance, **query):
    study = instance.series.study
    address = at("rendition", study.study_instance_uid, instance.sop_instance_uid)
    return client.get(address, query)


def test_a_dicom_image_is_drawn_as_png(study, reviewer, as_):
    response = picture(as_(reviewer), make_instance(study, content=child_chest()))
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "no-store"
    assert response.content.startswith(PNG)


def test_window_and_inversion_change_the_picture(study, reviewer, as_):
    client, instance = as_(reviewer), make_instance(study, content=png_chest(), kind="png")
    drawn = [
        picture(client, instance, **query).content
        for query in (
            {},
            {"centre": 60, "width": 20},
            {"invert": "on"},
            {"centre": "", "width": ""},
        )
    ]
    assert len(set(drawn)) == 3
    assert drawn[0] == drawn[3]


@pytest.mark.parametrize(
    "query", [{"centre": "nan", "width": "1"}, {"centre": "1e99", "width": "9"}, {"width": "-1"}]
)
def test_a_window_that_makes_no_sense_gives_the_picture_as_sent(query, study, reviewer, as_):
    client, instance = as_(reviewer), make_instance(study, content=png_chest(), kind="png")
    assert picture(client, instance, **query).content == picture(client, instance).content


def test_what_cannot_be_drawn_becomes_a_picture_that_says_why(study, reviewer, as_):
    response = picture(as_(reviewer), make_instance(study, content=b"no radiograph"))
    assert response.status_code == 200
    assert response["Content-Type"].startswith("image/svg+xml")
    assert "This image cannot be shown" in text_of(response)
    assert "unsupported_type" in text_of(response)


def test_a_file_that_is_lost_becomes_a_picture_that_says_so(study, reviewer, as_):
    """The store may only be away: a folder of another machine that is not there."""
    instance = make_instance(study, content=child_chest())
    store.path(instance.sha256).unlink(missing_ok=True)
    response = picture(as_(reviewer), instance)
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert "no longer where it was stored" in text_of(response)


def test_without_the_airlock_the_picture_is_missing_and_the_page_is_there(
    study, reviewer, as_, settings, tmp_path
):
    client, instance = as_(reviewer), make_instance(study, content=png_chest(), kind="png")
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody")
    assert picture(client, instance).status_code == 503
    assert client.get(at("study", study.study_instance_uid)).status_code == 200


def test_looking_is_recorded_once_a_quarter_of_an_hour(study, reviewer, reader, as_, monkeypatch):
    client, instance = as_(reviewer), make_instance(study, content=png_chest(), kind="png")
    for _ in range(3):
        picture(client, instance)
    picture(as_(reader), instance)
    assert [event.actor for event in events("image.viewed")] == ["reviewer", "reader"]
    later = timezone.now() + timedelta(minutes=16)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    picture(as_(reviewer), instance)
    assert AuditEvent.objects.filter(action="image.viewed", actor="reviewer").count() == 2


def test_another_sites_image_is_404(other_site, reviewer, as_, portal_airlock):
    instance = make_instance(make_study(other_site), content=png_chest(), kind="png")
    assert picture(as_(reviewer), instance).status_code == 404
    assert events("image.viewed").count() == 0


def test_an_image_of_another_study_is_404(study, site, reviewer, as_):
    instance = make_instance(make_study(site))
    address = at("rendition", study.study_instance_uid, instance.sop_instance_uid)
    assert as_(reviewer).get(address).status_code == 404


def test_the_scale_of_an_image_is_in_units_of_its_modality(study):
    plain = make_instance(study, content=child_chest())
    assert (scale_of(plain).low, scale_of(plain).high) == (0, 4096)
    rescaled = child_chest(RescaleSlope="2", RescaleIntercept="-100", SOPInstanceUID="2.25.77")
    scale = scale_of(make_instance(study, content=rescaled))
    assert (scale.low, scale.high) == (-100, 2 * 4096 - 100)
    windowed = child_chest(WindowCenter="1200", WindowWidth="900", SOPInstanceUID="2.25.78")
    scale = scale_of(make_instance(study, content=windowed))
    assert (scale.centre, scale.width) == (1200, 900)
    picture = make_instance(study, content=png_chest(), kind="png")
    assert scale_of(picture).full == (128, 256)


def step(name: str, scale: Scale, now: Window) -> Window:
    return next(preset.window for preset in presets_of(scale, now) if preset.name == name)


def test_presets_step_from_what_is_shown():
    scale = Scale(low=0, high=4096, centre=2000, width=1000)
    assert step("darker", scale, Window()) == Window(2150, 1000)
    assert step("lighter", scale, Window()) == Window(1850, 1000)
    assert step("harder", scale, Window(500, 100)) == Window(500, 70)
    assert step("softer", scale, Window(500, 70)) == Window(500, 100)
    assert step("full", scale, Window(invert=True)) == Window(2048, 4096, invert=True)
    assert step("sent", scale, Window(5, 5, invert=True)) == Window()


@pytest.mark.parametrize(
    ("negative", "inverted", "centre"),
    [(False, False, 115), (True, False, 85), (False, True, 85), (True, True, 115)],
)
def test_darker_is_darker_whatever_white_means(negative, inverted, centre):
    scale = Scale(0, 256, 100, 100, is_negative=negative)
    assert step("darker", scale, Window(invert=inverted)).centre == centre
