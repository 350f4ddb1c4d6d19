from django.db import migrations

from portal.audit.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_the_trail_only_grows"),  # it made the function of the triggers
        ("predictions", "0007_what_was_measured_is_kept_once"),
    ]

    operations = [
        append_only("predictions_modelreport"),
        append_only("predictions_reportpicture"),
    ]
