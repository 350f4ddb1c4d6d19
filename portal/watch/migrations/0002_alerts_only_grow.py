from django.db import migrations

from portal.audit.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_the_trail_only_grows"),  # it made the function of the triggers
        ("watch", "0001_alerts_are_raised_once_and_answered"),
    ]

    operations = [
        append_only("watch_alert"),
        append_only("watch_acknowledgement"),
    ]
