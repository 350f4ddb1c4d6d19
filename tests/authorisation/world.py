"""Two sites with the same things in each, a person for each role at one of them."""

import io
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from knox.models import AuthToken
from PIL import Image

from portal.accounts.link_services import make_link
from portal.accounts.models import Site, User
from portal.accounts.services import create_token
from portal.accounts.session_store import USER, SessionStore
from portal.api.preconditions import etag_of
from portal.predictions.deployment_models import Deployment, ModelVersion
from portal.predictions.deployment_services import propose_deployment
from portal.predictions.models import Prediction
from portal.predictions.widening_services import approve_widening, propose_widening
from portal.predictions.wider import Wider
from portal.reviews.services import Read, sign_review
from portal.studies.models import Study
from portal.watch.models import Alert
from tests.factories import (
    PASSWORD,
    failed_study,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    mapped_prediction,
    scored_study,
)
from tests.portal.reviews.signed_worlds import chosen_point, sign_studies
from tests.reports import make_report


def _png() -> bytes:
    picture = io.BytesIO()
    Image.linear_gradient("L").save(picture, "PNG")
    return picture.getvalue()


PNG = _png()


def things_of(site: Site, reviewer: User, data_scientist: User) -> dict[str, Any]:
    """Return what is at ``site``, by the names that addresses, bodies and headers use."""
    study = scored_study(site, by=reviewer)
    image = study.series.get().instances.get()
    signed = scored_study(site, by=reviewer)
    review = sign_review(study=signed, read=Read("present"), password=PASSWORD, by=reviewer)
    person = make_user(site, "reader", username=f"{site.slug}.person")
    uidb64, token = make_link(user=person).rstrip("/").split("/")[-2:]
    session = SessionStore()
    session.create()
    session[USER] = str(person.pk)
    session.save()
    create_token(user=person, lasts=timedelta(hours=1))
    return {
        "user_id": person.pk,
        "number": person.sessions.get().number,
        "token_key": AuthToken.objects.get(user=person).token_key,
        "study_instance_uid": study.study_instance_uid,
        "sop_instance_uid": image.sop_instance_uid,
        "prediction_id": prediction_of(study).pk,
        "mapped": mapped_prediction(site, by=reviewer).pk,
        "review_id": review.pk,
        "etag": etag_of(signed),
        "failed": prediction_of(failed_study(site, code="gave_up")).pk,
        "queued": make_prediction(make_instance(make_study(site))).pk,
        "code": "gave_up",
        **_widenings(prediction_of(study).model_version, site, data_scientist),
        **(versions := _versions(prediction_of(study).model_version, site, data_scientist)),
        **_points(versions["free_version"], site, data_scientist),
        "alert_id": _alert(prediction_of(study)).pk,
        "panel": "volume",
        "uidb64": uidb64,
        "token": token,
    }


def _alert(prediction: Prediction) -> Alert:
    return Alert.objects.create(
        site=prediction.site,
        model_version=prediction.model_version,
        rule="failures",
        week=date(2026, 6, 1),
        figures={"rate": 0.5, "bound": 0.05, "found": 30, "of": 60},
    )


def prediction_of(study: Study) -> Prediction:
    """Return the one prediction of a study."""
    return Prediction.objects.get(instance__series__study=study)


def _widenings(live: ModelVersion, site: Site, by: User) -> dict[str, int]:
    """Return a widening that is in force and one that waits to replace it."""
    said = {"why": "Ours.", "password": PASSWORD, "by": by, "wider": Wider(age_years=(0, 17))}
    in_force = propose_widening(version=live, **said)
    approve_widening(widening=in_force, password=PASSWORD, by=make_user(site, "site_admin"))
    waiting = propose_widening(version=live, **said)
    return {
        "row_id": in_force.pk,
        "widening_in_force": in_force.pk,
        "waiting_widening": waiting.pk,
    }


def _points(version_id: int, site: Site, by: User) -> dict[str, int]:
    """Return a cut-off of the site that is in force and one that waits to replace it."""
    version = ModelVersion.objects.get(pk=version_id)
    sign_studies(site, version, by)
    in_force = chosen_point(site, version, by=by)
    waiting = chosen_point(site, version, 0.3, by=by, approved=False)
    return {
        "point_id": in_force.pk,
        "point_in_force": in_force.pk,
        "waiting_point": waiting.pk,
    }


def _versions(live: ModelVersion, site: Site, data_scientist: User) -> dict[str, Any]:
    """Return a version that is live, one that is proposed and one that is neither.

    Another was live before.
    """
    before, at = make_model_version(version="0.9.0"), timezone.now()
    Deployment.objects.create(site=site, model_version=before, status="replaced", until=at)
    proposed = make_model_version(reported=True, version="2.0.0")
    free = make_model_version(reported=True, version="3.0.0")
    make_report(live)
    propose_deployment(version=proposed, why="Better.", by=data_scientist)
    return {
        "picture": "network",
        "version_id": live.pk,
        "model_id": live.pk,
        "live_version": live.pk,
        "proposed_version": proposed.pk,
        "free_version": free.pk,
    }
