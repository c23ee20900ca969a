"""A bundle as a graph for other runtimes, with a certificate that it decides alike."""
