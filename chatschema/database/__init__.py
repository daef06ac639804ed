"""Whole databases: dropping and rebuilding, by cloning a migrated template where the role may."""
