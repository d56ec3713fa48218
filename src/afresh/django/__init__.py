"""Django: what its connections read and write is found out, once `"afresh.django"` is among INSTALLED_APPS.

Whatever reaches a database through Django's cursors is seen: the ORM, raw SQL, migrations, the
asynchronous ORM. A cache opened with `afresh.Cache(…)` anywhere in the process needs nothing else.
"""
