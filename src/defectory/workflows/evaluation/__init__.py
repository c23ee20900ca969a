"""How good a bundle is on labeled images, and the report of it."""
