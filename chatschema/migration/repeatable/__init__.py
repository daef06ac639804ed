"""Repeatable files: functions and views that are run again whenever their text has changed."""
