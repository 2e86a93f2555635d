"""What the servers themselves enforce between the applications: roles, grants, row-level security, Redis' ACL.

``sql/`` holds it for PostgreSQL, one file a database, applied by ``manage.py migrate`` as the owner; ``cluster.py``
creates the roles and databases, ``acl.py`` the Redis users; ``attempts/`` and ``manage.py check_isolation`` try it all.
"""
