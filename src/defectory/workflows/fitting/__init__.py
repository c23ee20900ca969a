"""From a data set to a detector with a threshold."""
