"""What `auto` makes of labels and suspicion: descriptors of cells, a classifier of them, weights, a guard."""
