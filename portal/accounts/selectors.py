"""Read side of accounts."""

from portal.accounts.models import Site, User
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
