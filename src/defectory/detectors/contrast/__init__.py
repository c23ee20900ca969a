"""The parts of MCOD: augmented views, losses, memory, the twins that are trained, reading and distance."""
