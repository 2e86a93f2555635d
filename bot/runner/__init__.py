"""The process that talks: ``manage.py runbot``, any number of them on any machines."""
