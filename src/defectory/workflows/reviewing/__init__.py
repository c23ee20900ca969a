"""A person looks at images that a bundle has scored, labels some, and teaches the bundle."""
