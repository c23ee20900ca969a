"""Labels and masks of other tools, brought in and given out."""
