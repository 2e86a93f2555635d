"""The process that sends notifications: ``manage.py send_notifications``, any number of them on any machines."""
