"""Which images of a collection do not belong: ranked, grouped and shown."""
