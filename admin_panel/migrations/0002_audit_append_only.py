from django.db import migrations

from exchanger.kernel.db.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("admin_panel", "0001_initial")]
    operations = [append_only("audit_logs")]
