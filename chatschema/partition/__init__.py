"""Months of messages and message_statuses as one group: created ahead, listed, retired, archived and restored.

Read grid.py and retire_plan.py first: they hold the plans and are pure. The other files carry the plans out.
"""
