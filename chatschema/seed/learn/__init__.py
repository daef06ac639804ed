"""Learning a profile of bulk seeds from a real database, in histograms with noise, so that nobody can be found in it."""
