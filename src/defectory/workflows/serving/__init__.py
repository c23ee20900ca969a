"""What a service does with bundles: which are served, images judged one by one, and what is kept of them."""
