"""What brings the old platform's single database over: ``manage.py import_legacy``.

``mapping`` says what is read, ``shapes`` what the new tables ask of a row, ``kinds`` how a value is judged and turned;
``chunk`` takes some rows in one transaction, ``ledger`` books old payments, ``batches`` knows what was taken when, and
``rollback`` takes it out again.
"""
