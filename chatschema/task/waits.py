"""How long a task waits by default, in seconds. Apart from session.py, which takes a while to load."""

# For another run of chatschema to finish.
LOCK_WAIT_S = 60.0
# For long queries on replicas.
REPLICA_WAIT_S = 30.0
