"""The commands on the audit trail, one file each."""
