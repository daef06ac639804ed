"""The commands on roles, one file each."""
