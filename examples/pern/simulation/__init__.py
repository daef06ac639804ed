"""Users who talk while parts of the reference application break, and a judge of what became of their messages.

`python -m examples.pern.simulation --users 20 --messages 5000` starts the stack, runs it and prints the verdict.
"""
