"""Which images to ask a person about next, what the answers say so far, and when they are enough."""
