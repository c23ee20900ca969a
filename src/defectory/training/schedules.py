"""Learning rates over a run, as pure functions of the step."""

import math


def warm_up_cosine(step: int, n_steps: int, *, n_warm_up: int = 0) -> float:
    """Return the factor on the learning rate: a straight climb, then half a cosine down.

    Parameters
    ----------
    step : >= 0; from n_steps on 0 is returned
    n_steps : > 0, of the whole run
    n_warm_up : steps of the climb, at most half of the run is used for it

    Notes
    -----
    Source: Loshchilov & Hutter 2017 (SGDR), without restarts. The first step has a factor above 0.
    """
    n_climb = min(n_warm_up, n_steps // 2)
    if step < n_climb:
        return (step + 1) / (n_climb + 1)
    done = min(1.0, (step - n_climb) / max(1, n_steps - n_climb))
    return 0.5 * (1.0 + math.cos(math.pi * done))
