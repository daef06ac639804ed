"""Whole databases: dropping and creating them, by cloning a migrated template if the role may."""
