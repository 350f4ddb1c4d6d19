"""Who is signed in, as each request finds them."""

from django.contrib.auth.backends import ModelBackend

from portal.accounts.models import User


class WithSite(ModelBackend):
    """Django's own, with the person's site in the same query: every page needs it."""

    def get_user(self, user_id: int) -> User | None:
        """Return the person, unless the account is disabled."""
        user = User.objects.select_related("site").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
