import uuid
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from portal.accounts.roles import May, Role, allows


class Site(models.Model):
    """A hospital or clinic. Nobody sees anything of another one."""

    slug = models.SlugField(max_length=40, unique=True, help_text="Names the site's audit chain.")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9][a-z0-9-]*\Z") & ~Q(slug="system"),
                name="site_slug_is_plain",
                violation_error_message=(
                    "A slug is lower-case letters, digits and hyphens, and not 'system'."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser):
    """A person at one site. The username never changes: the audit trail keeps it."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="users")
    username = models.CharField(max_length=150, unique=True)
    name = models.CharField(max_length=150, blank=True, help_text="As shown beside a signature.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    link_digest = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Of the one-time link."
    )
    link_expires_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "username"
    objects = BaseUserManager["User"]()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(username__regex=r"^[a-z0-9][a-z0-9._-]*\Z"),
                name="user_username_is_plain",
                violation_error_message=(
                    "A username is lower-case letters, digits, dots, hyphens and underscores."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        """What the person is, as the database says at this request."""
        return frozenset(self.role_grants.values_list("role", flat=True))

    def may(self, act: May) -> bool:
        """Whether one of the person's roles allows ``act``."""
        return self.is_active and allows(self.roles, act)


class RoleGrant(models.Model):
    """That a person has a role."""

    user = models.ForeignKey(User, models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "role"), name="role_granted_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        )

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role}"


class Session(AbstractBaseSession):
    """A browser in which somebody is, or is about to be, signed in.

    ``expire_date`` is when it ends unless its person does something: an idle time after
    ``seen_at``, and never later than an absolute time after ``started_at``. Whoever deletes the
    row ends the session at once.
    """

    number = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="What a page may call it; the key is a secret."
    )
    user = models.ForeignKey(User, models.PROTECT, related_name="sessions", null=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=80, blank=True)

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Return the store that keeps these rows."""
        from portal.accounts.session_store import SessionStore  # noqa: PLC0415 (it imports us)

        return SessionStore


class Attempts(models.Model):
    """How many guesses were made lately at a name, from an address or from a device.

    A bucket that leaks: each guess moves ``empty_at`` on by a fixed time, and only so much of
    that is allowed at once. ``key`` is a keyed hash: what people type into the wrong field is
    nowhere kept.
    """

    key = models.CharField(max_length=64, primary_key=True)
    empty_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:8]} until {self.empty_at:%H:%M:%S}"
