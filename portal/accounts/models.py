from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
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
