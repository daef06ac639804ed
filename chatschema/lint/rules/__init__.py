"""The rules: each module has checks of one statement, or of a whole file, that yield hits."""
