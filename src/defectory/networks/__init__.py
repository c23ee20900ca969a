"""Trainable networks in torch (extra `train`); nothing of the base install imports this room."""
