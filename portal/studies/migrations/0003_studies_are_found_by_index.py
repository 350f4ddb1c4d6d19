from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """Patients, orders and files are looked up by index, whatever their number."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("studies", "0002_a_study_has_a_priority"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddIndex(
            "instance", models.Index(fields=["sha256", "site"], name="instance_by_hash")
        ),
        migrations.RemoveIndex("instance", "instance_by_sha256"),
        migrations.AddIndex(
            "study", models.Index(fields=["site", "accession_number"], name="study_by_accession")
        ),
        migrations.AddIndex(
            "study", models.Index(Upper("patient_id"), name="study_by_patient_any_case")
        ),
        migrations.AddIndex(
            "study", models.Index(Upper("accession_number"), name="study_by_accession_any_case")
        ),
    ]
