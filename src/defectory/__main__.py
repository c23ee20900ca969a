"""`python -m defectory` is the command line."""

from defectory.cli.main import main

if __name__ == "__main__":
    main(prog_name="defectory")
