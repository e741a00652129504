//! One suite over every store: what the trait `Store` promises, case by case.
//!
//! To run it over another store, add one line in a module of its own; each case is a test there.
//! `conformance!(suite, || MemoryStore::new("free"));`
//! `conformance!(suite, |folder| open(&folder.join("store.db")));` for a store of files.
//! The store must be new, with the default plan `free`.

pub(crate) mod alerts;
pub(crate) mod atomicity;
pub(crate) mod billing;
pub(crate) mod calls;
pub(crate) mod catalogue;
pub(crate) mod checks;
pub(crate) mod counters;
pub(crate) mod holds;
pub(crate) mod keys;
pub(crate) mod learning;
pub(crate) mod outbox;
pub(crate) mod prices;
pub(crate) mod re_rating;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod samples;
pub(crate) mod steps;
pub(crate) mod subscriptions;
pub(crate) mod threads;
pub(crate) mod users;
pub(crate) mod works;

/// Makes a module with one test for each case.
macro_rules! conformance {
    ($name:ident, || $make:expr) => {
        conformance!($name, |_folder| $make);
    };
    ($name:ident, |$folder:ident| $make:expr) => {
        conformance_cases! { $name, $folder, $make,
            users {
                first_sight_creates_a_user
                a_user_exists_from_its_first_sight_only
                a_look_at_an_unknown_user_creates_nothing
                changes_of_a_user_that_was_never_seen_are_refused
                users_come_in_the_order_of_their_first_sight
                names_in_any_script_are_kept_exactly
                a_user_of_255_bytes_is_kept_exactly
                users_do_not_see_each_other
            }
            keys {
                a_key_records_once
                a_key_belongs_to_its_user
                a_key_stands_for_its_call_before_its_hold
                keys_are_found_in_their_order
            }
            atomicity {
                a_refused_decision_changes_nothing
                an_error_of_the_windows_changes_nothing
                a_change_that_fails_undoes_its_whole_work
                a_sum_out_of_range_undoes_its_whole_work
                a_failing_work_leaves_its_neighbours
                a_failing_work_creates_no_user
                a_work_that_only_looks_changes_nothing
                a_work_sees_what_the_work_before_it_wrote
            }
            counters {
                counters_are_by_window_provider_and_operation
                exactly_the_wanted_windows_are_shown
                every_part_of_a_counter_is_summed
                a_short_window_is_counted_once_it_is_tracked
                tracking_again_changes_nothing
                lifetime_is_counted_from_its_tracking_on
                units_without_a_column_are_counted
                a_correcting_row_takes_away
                period_counters_are_those_that_start_within
                days_are_by_provider_model_and_operation
                days_are_within_their_range
                response_times_are_by_provider_and_bucket
            }
            alerts {
                an_alert_comes_back
                an_alert_of_another_system_keeps_what_became_of_it
                an_alert_is_raised_once_for_its_key
                an_alert_of_a_failed_work_is_not_raised
                an_account_knows_what_its_user_was_told
                alerts_are_read_and_put_away
                alerts_are_filtered_and_paged
                the_operator_has_alerts_of_its_own
            }
            outbox {
                an_alert_waits_for_each_of_its_channels
                what_is_claimed_is_claimed_by_one
                a_claim_that_died_is_due_again
                a_delivered_alert_tells_when_it_was_first
                a_failed_delivery_comes_back_when_it_is_due
                a_channel_that_rests_has_nothing_due
                what_is_dismissed_waits_no_more
            }
            calls {
                a_call_with_everything_comes_back
                a_call_with_nothing_comes_back
                a_correcting_row_comes_back
                every_variant_and_match_comes_back
                calls_are_newest_first
                each_filter_selects
                a_usage_period_is_selected_by_its_start
                filters_add_up
                an_offset_and_a_limit_make_pages
                a_cursor_makes_pages
                unpriced_calls_are_listed_with_their_users
            }
            re_rating {
                a_re_rated_call_is_replaced
                re_rating_corrects_counters_and_days
                re_rating_twice_counts_once
                a_call_can_become_unpriced_again
            }
            reports {
                calls_are_visited_in_the_order_of_recording
                days_are_visited_by_user
                totals_are_those_of_the_period_counters
                a_glance_shows_what_its_parts_show
            }
            holds {
                a_hold_comes_back
                a_hold_is_replaced_by_its_key
                only_open_holds_are_shown
                a_removed_hold_is_gone
                a_hold_becomes_a_call_in_one_work
            }
            learning {
                lessons_are_folded_in_their_order
                a_lesson_of_a_failed_work_is_not_learned
                a_lesson_may_be_of_one_side_alone
                what_was_learned_survives_rebuilding_and_leaves_with_its_user
                a_hold_keeps_its_estimate
            }
            subscriptions {
                terms_come_back
                a_withdrawn_term_never_counts
                overrides_come_back
                an_override_ends
                an_account_is_fresh_after_every_change
            }
            billing {
                models_are_summed_by_period
                an_invoice_with_everything_comes_back
                only_one_invoice_counts_for_a_period
                a_void_invoice_gives_its_place_free
                a_payment_is_noted
                billing_is_shown_to_works_that_ask
                period_marks_come_back
            }
            retention {
                pruning_keeps_every_sum
                a_pruned_key_is_found
                pruning_counts_first
                unpriced_calls_stay
                ids_never_go_back
                rebuild_after_pruning_changes_nothing
                erasing_keeps_every_sum
                an_unknown_user_cannot_be_erased
            }
            catalogue {
                it_starts_empty
                the_version_moves_once_a_work
                plans_come_back_cheapest_first
                a_plan_is_replaced_by_its_id
                aliases_point_to_a_model
                providers_and_units_come_back
                a_unit_inside_itself_is_refused
            }
            prices {
                a_price_comes_back
                every_kind_of_price_comes_back
                an_unused_price_is_replaced_under_its_id
                a_used_price_is_never_edited
                the_same_price_again_changes_nothing
                a_later_version_leaves_the_earlier_one
            }
            checks {
                verify_is_clean_after_random_works
                rebuild_changes_nothing
                flush_returns_after_the_works
            }
            threads {
                eight_threads_on_one_user_lose_nothing
                eight_threads_on_many_users_lose_nothing
                only_one_of_eight_records_a_key
            }
            works {
                a_work_is_finished_once
                a_work_without_a_user_sees_no_account
                a_look_shows_what_a_work_would_see
                period_marks_are_taken
            }
        }
    };
}

/// Makes the tests of `conformance!` out of a list of cases.
macro_rules! conformance_cases {
    ($name:ident, $folder:ident, $make:expr, $($module:ident { $($case:ident)+ })+) => {
        mod $name {
            use super::*;
            $($(
                #[test]
                fn $case() {
                    let scratch = tempfile::tempdir().unwrap();
                    let $folder = scratch.path();
                    let store = $make;
                    crate::conformance::$module::$case(&store);
                }
            )+)+
        }
    };
}
