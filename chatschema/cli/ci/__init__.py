"""The command line: what pipelines and test suites call."""
