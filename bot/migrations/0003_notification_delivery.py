"""How far a notification's sending has come; broadcasts, and the moves that they may make.

The moves are those of ``bot/transitions.py`` when this was written; a later change of them is a later migration.
"""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models

import exchanger.kernel.db.constraints
import exchanger.kernel.db.fields
import exchanger.kernel.db.functions

# Rows that were inserted by hand before the constraint held them to it.
SENT_AT_A_TIME = """
UPDATE notifications SET sent_at = CASE WHEN sent THEN created_at END WHERE sent <> (sent_at IS NOT NULL);
"""
MOVES = """
CREATE FUNCTION refuse_undeclared_move() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER broadcasts_moves BEFORE UPDATE ON broadcasts FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('draft', 'running'), ('draft', 'stopped'),
        ('running', 'paused'), ('running', 'stopped'), ('running', 'done'),
        ('paused', 'running'), ('paused', 'stopped'),
        ('done', 'stopped')
    ))
    EXECUTE FUNCTION refuse_undeclared_move();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0002_event_inbox"),
    ]

    operations = [
        migrations.RunSQL(SENT_AT_A_TIME, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Broadcast",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("texts", models.JSONField()),
                ("audience", models.JSONField()),
                (
                    "status",
                    exchanger.kernel.db.fields.VarCharField(
                        choices=[
                            ("draft", "Draft"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("stopped", "Stopped"),
                            ("done", "Done"),
                        ],
                        db_default="draft",
                        default="draft",
                        max_length=20,
                    ),
                ),
                ("total", models.IntegerField(blank=True, null=True)),
                ("queued", models.IntegerField(db_default=0, default=0)),
                ("cursor", models.UUIDField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                ("created_by", models.UUIDField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow(), editable=False),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "broadcasts",
            },
        ),
        migrations.RemoveIndex(
            model_name="notification",
            name="idx_notifications_unsent",
        ),
        migrations.AddField(
            model_name="conversation",
            name="blocked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="attempts",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="notification",
            name="claimed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="dead_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="failure",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="notification",
            name="next_attempt_at",
            field=models.DateTimeField(db_default=exchanger.kernel.db.functions.TransactionNow()),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(fields=["-created_at", "-id"], name="idx_broadcasts_created"),
        ),
        migrations.AddConstraint(
            model_name="broadcast",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["draft", "running", "paused", "stopped", "done"])),
                name="broadcasts_status_known",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="broadcast",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="notifications",
                to="bot.broadcast",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", True), ("sent", False), ("broadcast__isnull", True)),
                fields=["next_attempt_at", "id"],
                name="idx_notifications_due",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", True), ("sent", False), ("broadcast__isnull", False)),
                fields=["broadcast", "next_attempt_at", "id"],
                name="idx_notifications_broadcast",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", True), ("sent", False)),
                fields=["telegram_user_id", "created_at", "id"],
                name="idx_notifications_chat",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=exchanger.kernel.db.constraints.DatabaseForeignKey(
                column="broadcast_id", name="fk_notification_broadcast", on_delete="RESTRICT", references="broadcasts"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("broadcast__isnull", False)),
                fields=("broadcast", "user_id"),
                name="notifications_once_a_broadcast",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent", True), ("sent_at__isnull", False)),
                    models.Q(("sent", False), ("sent_at__isnull", True)),
                    _connector="OR",
                ),
                name="notifications_sent_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(("sent", False), ("dead_at__isnull", True), _connector="OR"),
                name="notifications_sent_or_dead",
            ),
        ),
        migrations.RunSQL(
            MOVES, "DROP TRIGGER broadcasts_moves ON broadcasts; DROP FUNCTION refuse_undeclared_move();"
        ),
    ]
