"""Two sites with the same things in each, a person for each role at one of them."""

import io
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from PIL import Image

from portal.accounts.models import Site, User
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
    return {
        "study_instance_uid": study.study_instance_uid,
        "sop_instance_uid": image.sop_instance_uid,
        "prediction_id": image.predictions.get().pk,
        "review_id": review.pk,
        "etag": etag_of(signed),
        "uidb64": urlsafe_base64_encode(force_bytes(person.pk)),
        "token": default_token_generator.make_token(person),
    }
