"""A person looks at images: which ones, and what their answers are worth."""
