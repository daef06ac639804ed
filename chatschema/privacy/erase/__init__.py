"""Erasing the personal data of a person: batches that can be interrupted, a search for what is left, and a receipt."""
