from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.accounts.models import Site


class SitePrevalence(models.Model):
    """How common pneumonia is among the radiographs of a site, as one of its people entered it.

    The newest row counts; with an empty ``share`` it takes the one before it back.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    share = models.FloatField(null=True, help_text="0 to 1, neither included.")
    basis = models.TextField(help_text="What it was counted on, or why it is taken back.")
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(share=None) | Q(share__gt=0, share__lt=1),
                name="site_prevalence_in_0_1",
            ),
            models.CheckConstraint(condition=~Q(basis=""), name="site_prevalence_has_a_basis"),
        )
        indexes = (models.Index(fields=("site", "-id"), name="site_prevalence_newest"),)

    def __str__(self) -> str:
        return f"{self.share} at {self.site}"

    @property
    def of_100(self) -> str:
        """Return the share as it was entered: so many of a hundred."""
        return "" if self.share is None else f"{100 * self.share:.4g}"
