"""A bundle's threshold fitted anew on good images that came after the fit."""
