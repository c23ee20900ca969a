"""What must be kept, one function a check; its first line says what is demanded."""

from collections.abc import Callable

from defectory.testing.checks import backbone, contract, learning, purity, shipping
from defectory.testing.subjects import BackboneSubject, DetectorSubject

DETECTOR_CHECKS: tuple[Callable[[DetectorSubject], None], ...] = (
    contract.check_init_only_stores,
    contract.check_config_is_json_and_makes_an_equal_detector,
    contract.check_fit_returns_self,
    contract.check_unfitted_is_an_error,
    contract.check_a_failed_fit_leaves_it_unfitted,
    contract.check_scores_are_sound,
    contract.check_memory_estimate_grows_with_the_images,
    contract.check_reading_is_timed,
    learning.check_defects_score_higher_and_scores_vary,
    learning.check_the_peak_lies_in_the_defect,
    learning.check_trained_beats_untrained,
    learning.check_few_images_already_tell_defects,
    learning.check_labeled_anomalies_are_not_taken_for_normal,
    learning.check_held_out_scores_look_like_scores_of_new_normals,
    learning.check_groups_are_left_out_together,
    learning.check_any_sizes_gray_and_few_images_can_be_learned_from,
    learning.check_constant_images_do_no_harm,
    learning.check_tiles_give_finer_maps,
    purity.check_inputs_stay_as_they_are,
    purity.check_scoring_changes_nothing,
    purity.check_companions_and_order_do_not_matter,
    purity.check_same_seed_same_result_whatever_the_threads,
    purity.check_global_random_state_is_untouched_and_unused,
    purity.check_hidden_truth_changes_nothing,
    purity.check_a_refit_equals_a_fresh_fit,
    purity.check_no_network_is_needed,
    purity.check_a_cache_gives_the_same_again,
    shipping.check_a_saved_bundle_scores_the_same,
    shipping.check_a_bundle_with_tiles_scores_the_same,
    shipping.check_its_graph_scores_the_same,
    shipping.check_its_graph_of_tiles_scores_the_same,
)

BACKBONE_CHECKS: tuple[Callable[[BackboneSubject], None], ...] = (
    backbone.check_converting_again_gives_the_same,
    backbone.check_the_card_survives_a_bundle,
    backbone.check_it_is_found_by_its_name,
    backbone.check_stages_have_the_shapes_of_the_card,
    backbone.check_stages_run_from_fine_to_coarse,
    backbone.check_features_are_finite_and_tell_images_apart,
    backbone.check_features_repeat_whatever_the_threads,
    backbone.check_tiles_see_what_the_whole_image_shows,
    backbone.check_a_detector_learns_from_it,
)

__all__ = ["BACKBONE_CHECKS", "DETECTOR_CHECKS"]
