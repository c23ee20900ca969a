"""What others reach on the same data, by their own code: extra `peers`."""
