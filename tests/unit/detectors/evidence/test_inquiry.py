"""What an inquiry hands to its parts."""

from defectory.detectors.evidence.inquiry import InquirySettings


def test_a_learner_takes_no_more_steps_than_it_may():
    settings = InquirySettings(n_steps=20)
    found = [settings.learner(most).settings.n_steps for most in (None, 5, 50)]
    assert found == [20, 5, 20]
