import pytest

from portal.predictions.version_services import deploy_model
from tests.factories import DISCLAIMER, make_model_version
from tests.portal.web.pages import at, prose_of

pytestmark = pytest.mark.django_db


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def metrics(auc: float) -> dict[str, object]:
    counts = {"images": 618, "pneumonia": 387, "patients": 390}
    rest = dict.fromkeys(("sensitivity", "specificity", "accuracy", "ece"), interval(0.5))
    return counts | {"auc": interval(auc)} | rest


def about(client, site, **manifest) -> str:
    deploy_model(site=site, version=make_model_version(**manifest))
    return prose_of(client.get(at("about")))


def test_without_a_live_model_the_page_says_so(reviewer, as_):
    assert "No model is live at Demo hospital" in prose_of(as_(reviewer).get(at("about")))


def test_what_the_manifest_lacks_is_said_to_be_not_measured(site, reviewer, as_):
    words = about(as_(reviewer), site)
    assert "vgg16-pneumonia 1.0.0" in words
    assert DISCLAIMER in words
    assert "Disclaimer 2026-1" in words
    assert "0.5000: at or above it the AI suggests pneumonia" in words
    assert "not measured" in words


def test_the_external_figure_stands_beside_the_internal_one(site, reviewer, as_):
    external = {
        "images": 502,
        "pneumonia": 249,
        "patients": 498,
        "auc": interval(0.531),
        "auc_by_view": {"AP": interval(0.551)},
        "note": "Mostly <adults>.",
    }
    measured = {"val": metrics(0.986), "test_internal": metrics(0.949), "external_report": external}
    words = about(as_(reviewer), site, measured=measured | {"floors": {"sharpness": 0.795}})
    row = "ROC curve 0.986 (0.966 to 1.006) 0.949 (0.929 to 0.969) 0.531 (0.511 to 0.551)"
    assert row in words
    assert "AP AUC 0.551" in words
    assert "Mostly &lt;adults&gt;." in words
    assert "sharpness 0.795" in words


def test_a_split_that_was_not_measured_is_none(site, reviewer, as_):
    words = about(
        as_(reviewer),
        site,
        measured={"val": metrics(0.9), "test_internal": None, "external_report": None},
    )
    assert "0.900 (0.880 to 0.920) not measured not measured" in words


def test_intended_use_is_told(site, reviewer, as_):
    use = {
        "age_years": [1, 5],
        "modalities": ["CR", "DX"],
        "unknown_allowed": ["age", "body_part"],
        "statement": "For children.",
    }
    words = about(as_(reviewer), site, intended_use=use)
    assert "For children." in words
    assert "1 to 5 completed years" in words
    assert "CR, DX" in words
    assert "age, body part, and the score then says so" in words
