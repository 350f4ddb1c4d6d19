from django.db import migrations

from portal.audit.append_only import append_only


class Migration(migrations.Migration):
    """What a person found and signed is never edited."""

    dependencies = [("reviews", "0001_initial"), ("audit", "0002_the_trail_only_grows")]
    operations = [append_only("reviews_finding"), append_only("reviews_review")]
