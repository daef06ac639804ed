"""Months of messages and message_statuses as one group: made ahead, listed, retired, archived, brought back.

Read grid.py and retirement.py first: they are the plans, and pure. The other files carry plans out.
"""
