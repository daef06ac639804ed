"""The personal data of people: the record of processing, and the export of one person's data."""
