"""What an inquiry hands to its parts."""

from dataclasses import replace

import pytest

from defectory.detectors.evidence.inquiry import InquirySettings


@pytest.mark.parametrize(("n_steps", "in_update"), [(20, 20), (300, 150)])
def test_an_update_learns_in_fewer_steps_on_smaller_batches_and_else_as_a_fit(n_steps, in_update):
    settings = InquirySettings(n_steps=n_steps, least_sure=0.25, mixup=0.5, seed=3)
    patient, quick = settings.learner(), settings.quick_learner()
    assert (patient.settings.n_steps, quick.settings.n_steps) == (n_steps, in_update)
    assert quick.settings.batch_size < patient.settings.batch_size
    same = {"n_steps": n_steps, "batch_size": patient.settings.batch_size}
    assert replace(quick.settings, **same) == patient.settings
    assert quick.seed == patient.seed == 3
