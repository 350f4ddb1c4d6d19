from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0012_versions_are_tried_beside_the_live_one")]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="compared",
            field=models.JSONField(
                help_text="What the comparison with the live version said when it was proposed.",
                null=True,
            ),
        ),
    ]
