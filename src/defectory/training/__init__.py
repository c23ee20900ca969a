"""Training runs in torch (extra `train`): loop, checkpoints, schedules, export.

Nothing is imported here: the base install has no torch.
"""
