from django.db import migrations, models


class Migration(migrations.Migration):
    """A size in bytes does not fit DECIMAL(18, 8) from 10 GB on. The same scale: PostgreSQL rewrites no row."""

    dependencies = [("admin_panel", "0006_report_making")]

    operations = [
        migrations.AlterField(
            "systemmetric",
            "metric_value",
            models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True),
        )
    ]
