"""Where the network looked: on the study page, and the picture of it."""

import pytest

from portal.predictions.models import ModelVersion, Prediction
from tests.factories import mapped_prediction, not_applicable_study, scored_study
from tests.portal.web.pages import answer_in, at, events, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_airlock")]
NO_CHECK = "nobody checked whether the maps of this version depend on what it learned"
FAILED = "did not change enough when its weights were replaced by chance"


def page(client, study):
    return client.get(at("study", study.study_instance_uid))


def test_a_map_is_offered_off_with_its_words_and_without_inline_code(site, reviewer, as_):
    prediction = mapped_prediction(site)
    shown = page(as_(reviewer), prediction.instance.series.study)
    text, answer = text_of(shown), answer_in(shown)
    assert f'data-map="{at("prediction-map", prediction.pk)}"' in text
    assert f'data-image="{prediction.instance.sop_instance_uid}"' in text
    assert "Where, not why Show where Opacity" in answer
    assert "no outline of a finding" in answer
    assert " checked" not in text.split("data-where-tools")[1].split("</div>")[0]
    assert " style=" not in text


def test_an_empty_map_is_said_and_not_offered(site, reviewer, as_):
    shown = page(as_(reviewer), mapped_prediction(site, maximum=0).instance.series.study)
    assert "no place of the image spoke for pneumonia" in answer_in(shown)
    assert "data-map" not in text_of(shown)


@pytest.mark.parametrize(
    ("check", "said"), [(None, NO_CHECK), ({"passed": False}, FAILED), ({"passed": True}, "")]
)
def test_where_there_is_no_map_one_sentence_says_why(check, said, site, reviewer, as_):
    study = scored_study(site)
    version = ModelVersion.objects.get()
    ModelVersion.objects.update(manifest=version.manifest | {"explanation": check})
    shown = page(as_(reviewer), study)
    assert "data-map" not in text_of(shown)
    assert [words in answer_in(shown) for words in (NO_CHECK, FAILED)] == [
        words == said for words in (NO_CHECK, FAILED)
    ]


def test_of_what_is_not_scored_nothing_is_said(site, reviewer, as_):
    shown = page(as_(reviewer), not_applicable_study(site))
    assert "map" not in answer_in(shown).lower()


def test_the_map_is_kept_by_no_cache_and_looking_is_recorded(site, reviewer, as_):
    prediction = mapped_prediction(site)
    client = as_(reviewer)
    for _ in range(2):
        response = client.get(at("prediction-map", prediction.pk))
    assert response.content == bytes(prediction.map_png)
    assert (response["Content-Type"], response["Cache-Control"]) == ("image/png", "no-store")
    (event,) = events("image.viewed")
    assert event.subject == f"study:{prediction.instance.series.study}"


def test_without_a_map_nothing_is_there_and_nothing_is_recorded(site, reviewer, as_):
    scored_study(site)
    prediction = Prediction.objects.get()
    assert as_(reviewer).get(at("prediction-map", prediction.pk)).status_code == 404
    assert not events("image.viewed").exists()


def test_another_sites_map_is_404_and_not_recorded(other_site, reviewer, as_):
    prediction = mapped_prediction(other_site)
    assert as_(reviewer).get(at("prediction-map", prediction.pk)).status_code == 404
    assert not events("image.viewed").exists()
