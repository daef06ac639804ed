"""`python -m chatschema`."""

from chatschema.cli import main

if __name__ == "__main__":
    main()
