"""Training runs in torch (extra `train`): loop, checkpoints, schedules, export.

Nothing is imported here: `training.resources` must be had without torch, so that the base install can name
the resources of a run it does not start.
"""
