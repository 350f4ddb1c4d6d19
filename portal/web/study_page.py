"""Everything that the study page shows, gathered in one place."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.http.requests import AuthenticatedHttpRequest
from portal.reviews.lease_selectors import lease_of, may_take
from portal.reviews.models import Review
from portal.reviews.selectors import report_status, reviews_of
from portal.studies.models import Study
from portal.studies.selectors import NoSuchInstance
from portal.web.cards import Card, cards_of, images_of
from portal.web.forms.review import AmendForm, ReviewForm
from portal.web.picture import scale_of
from portal.web.presets import presets_of
from portal.web.window import WindowForm


def show_study(
    request: AuthenticatedHttpRequest,
    study: Study,
    *,
    sent: ReviewForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page of ``study``; ``sent`` is a review form that was refused."""
    context = _picture(request, study) | _reading(request.user, study, sent)
    return render(request, "studies/study.html", context, status=status)


def stage_of(request: AuthenticatedHttpRequest, study: Study) -> dict[str, Any]:
    """Return what the picture alone needs, for a page that swaps it and keeps what was typed."""
    return _picture(request, study)


def answer_of(request: AuthenticatedHttpRequest, study: Study) -> dict[str, Any]:
    """Return what the live part of the page shows: a card for each image."""
    return _cards(request.user, study, cards_of(study, images_of(study, request.user)))


def _cards(user: User, study: Study, cards: list[Card]) -> dict[str, Any]:
    return {
        "study": study,
        "cards": cards,
        "is_pending": any(card.is_pending for card in cards),
        "may_operate": user.may(May.OPERATE),
    }


def _picture(request: AuthenticatedHttpRequest, study: Study) -> dict[str, Any]:
    cards = cards_of(study, images_of(study, request.user))
    shown = _chosen(cards, request.GET.get("instance"))
    form = WindowForm(request.GET)
    window = form.window()
    scale = scale_of(shown.instance) if shown else None
    return {
        **_cards(request.user, study, cards),
        "shown": shown,
        "window_form": form,
        "window": window,
        "presets": presets_of(scale, window) if scale else (),
        "scale": scale,
        "view_query": request.GET.urlencode(),
    }


def _chosen(cards: list[Card], sop_instance_uid: str | None) -> Card | None:
    if not sop_instance_uid:
        return cards[0] if cards else None
    for card in cards:
        if card.instance.sop_instance_uid == sop_instance_uid:
            return card
    raise NoSuchInstance("There is no such image in this study.")


def _reading(user: User, study: Study, sent: ReviewForm | None) -> dict[str, Any]:
    """Return the reviews ever signed, newest first, and the form that may be used now."""
    reviews = list(reviews_of(study).reverse())
    standing = next((row for row in reviews if not _is_superseded(row)), None)
    form = _form_for(user, standing)
    fits = form is not None and type(sent) is form
    return {
        "reviews": reviews,
        "standing": standing,
        "report_status": report_status(study),
        "form": sent if fits else form and form(),
        "kept": None if fits else sent,
        "is_amendment": form is AmendForm,
        "is_own": not user.may(May.SEE_STUDIES),
        "held": lease_of(study),
        "may_take": may_take(user),
    }


def _form_for(user: User, standing: Review | None) -> type[ReviewForm] | None:
    if not user.may(May.SIGN):
        return None
    if standing is None:
        return ReviewForm
    return AmendForm if standing.reviewer_id == user.pk else None


def _is_superseded(review: Review) -> bool:
    return hasattr(review, "superseded_by")
