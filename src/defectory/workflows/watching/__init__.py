"""A hot folder: each image that is put into it is judged once, and what was said of it is kept."""
