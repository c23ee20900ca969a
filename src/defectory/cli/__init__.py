"""The command line: it reads arguments, calls the workflows, and prints."""
