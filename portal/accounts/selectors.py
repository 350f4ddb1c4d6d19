"""Read side of accounts."""

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from knox.models import AuthToken

from portal.accounts.models import Session, Site, User
from portal.errors import NotFound


class NoSuchUser(NotFound):
    """There is no user of this name."""

    code = "no_such_user"


class NoSuchSite(NotFound):
    """There is no site of this slug."""

    code = "no_such_site"


def user_named(username: str) -> User:
    """Return a user by name.

    Raises
    ------
    NoSuchUser
    """
    user = User.objects.select_related("site").filter(username=username).first()
    if user is None:
        raise NoSuchUser(f"There is no user {username!r}.")
    return user


def site_named(slug: str) -> Site:
    """Return a site by its slug.

    Raises
    ------
    NoSuchSite
    """
    site = Site.objects.filter(slug=slug).first()
    if site is None:
        known = (
            ", ".join(Site.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        )
        raise NoSuchSite(f"There is no site {slug!r}; there are: {known}.")
    return site


def people_of(site: Site) -> QuerySet[User]:
    """Return the people of a site, each with ``live_tokens`` and ``live_sessions``."""
    now = timezone.now()
    return (
        User.objects.filter(site=site)
        .annotate(
            live_tokens=Count(
                "auth_token_set", filter=Q(auth_token_set__expiry__gt=now), distinct=True
            ),
            live_sessions=Count("sessions", filter=Q(sessions__expire_date__gt=now), distinct=True),
        )
        .prefetch_related("role_grants")
        .order_by("-is_active", "username")
    )


def person_of(by: User, user_id: int) -> User:
    """Return somebody at the site of ``by``.

    Raises
    ------
    NoSuchUser
    """
    user = people_of(by.site).select_related("site").filter(pk=user_id).first()
    if user is None:
        raise NoSuchUser("There is no such person at your site.")
    return user


def sessions_of(user: User) -> QuerySet[Session]:
    """Return where ``user`` is signed in now, the latest first."""
    return user.sessions.filter(expire_date__gt=timezone.now()).order_by("-seen_at")


def tokens_of(user: User) -> QuerySet[AuthToken]:
    """Return the API tokens of ``user`` that still open something, the newest first."""
    live: QuerySet[AuthToken] = AuthToken.objects.filter(user=user, expiry__gt=timezone.now())
    return live.order_by("-created")
