"""Two sites with the same things in each, a person for each role at one of them."""

import io
from datetime import timedelta
from typing import Any

from knox.models import AuthToken
from PIL import Image

from portal.accounts.link_services import make_link
from portal.accounts.models import Site, User
from portal.accounts.services import create_token
from portal.accounts.session_store import USER, SessionStore
from portal.api.preconditions import etag_of
from portal.reviews.services import Read, sign_review
from tests.factories import PASSWORD, make_user, scored_study


def _png() -> bytes:
    picture = io.BytesIO()
    Image.linear_gradient("L").save(picture, "PNG")
    return picture.getvalue()


PNG = _png()


def things_of(site: Site, reviewer: User) -> dict[str, Any]:
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
        "prediction_id": image.predictions.get().pk,
        "review_id": review.pk,
        "etag": etag_of(signed),
        "uidb64": uidb64,
        "token": token,
    }
