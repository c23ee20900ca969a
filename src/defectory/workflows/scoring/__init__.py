"""Images scored with a bundle, and their rows and heatmaps on disk."""
