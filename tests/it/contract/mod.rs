//! The behaviour suite of [`orderwire::storage::Store`]: what a storage engine promises, written once and run on every
//! engine. A new engine needs a file like `sqlite.rs` and a line at the end of this file.

mod api_keys;
mod batch;
mod callers;
mod changes;
mod clocks;
mod connections;
mod consumers;
mod data_set;
mod declared_values;
mod deliveries;
mod deployments;
pub mod engine;
mod epochs;
mod export;
mod filters;
mod idempotency;
mod import;
mod jobs;
mod languages;
mod listed;
mod log;
mod log_order;
mod log_texts;
mod metadata;
mod money;
mod nodes;
mod order_changes;
mod pages;
mod permissions;
mod prune;
mod reads;
mod reopen;
mod resumes;
mod rights;
mod rows;
mod search;
mod seen_log;
mod sessions;
mod status;
mod stock;
mod targeting;
mod trending;
mod unique;
mod users;
mod values;
mod versions;

/// Declares the test functions of the behaviours for one engine.
macro_rules! tests {
    ($engine:ident; $($topic:ident { $($behaviour:ident)+ })+) => {
        $(
            mod $topic {
                use crate::contract::{engine, $topic};
                use super::$engine;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $behaviour() {
                        engine::check::<$engine>(stringify!($topic), async |db| $topic::$behaviour(db).await).await;
                    }
                )+
            }
        )+
    };
}

macro_rules! every_behaviour {
    ($engine:ident) => {
        tests! { $engine;
            api_keys {
                a_key_is_found_by_its_secret_and_listed_whole
                a_revoked_key_is_gone_and_the_log_says_so_once
                keys_stay_when_the_sessions_of_their_creator_end
                only_who_is_still_an_admin_makes_and_revokes_keys
                a_key_changes_what_staff_change_until_it_is_revoked
                the_use_of_a_key_is_noted_once_in_a_while
                there_are_no_more_keys_than_the_limit
            }
            batch {
                reads_by_id_answer_in_the_order_asked
                reads_by_name_answer_in_the_order_asked
                entries_of_the_log_answer_in_the_order_asked
                an_id_finds_only_its_own_type
            }
            callers {
                callers_who_hang_up_leave_whole_orders_or_none
                concurrent_orders_of_all_kinds_get_their_own_answers
            }
            changes {
                each_change_of_a_product_is_stored_and_logged_whole
                each_change_of_a_task_is_stored_and_logged_whole
                each_change_of_a_user_is_stored_whole_and_logged_without_what_is_personal
                an_update_without_fields_is_refused_and_one_without_another_value_changes_nothing
            }
            clocks {
                the_clock_of_the_database_is_right
                a_node_whose_clock_is_off_says_so_and_deletes_nothing
                a_key_is_honoured_whatever_the_clock_of_the_node
            }
            connections {
                a_connection_that_is_opened_with_remembered_rights_ends
                connections_that_are_opened_while_their_sessions_end_do_not_survive
                nobody_asks_for_sessions_while_nothing_happens
                many_connections_end_in_time_by_their_entries
                a_session_that_began_after_the_end_of_all_others_stays
                a_connection_ends_when_its_session_expires_unless_it_was_refreshed
                connections_of_another_role_end
            }
            consumers {
                a_consumer_is_stored_changed_and_deleted_whole
                only_admins_change_consumers
                one_process_has_a_consumer_until_its_lease_ends
                an_extended_lease_keeps_its_fence_and_a_released_one_is_free_at_once
                the_time_until_the_next_attempt_moves_with_the_consumer
                a_change_ends_the_lease_and_refuses_progress_of_before
                paused_and_stopped_consumers_are_leased_to_nobody
                a_process_gets_no_consumer_that_it_asks_to_leave_out
                processes_that_lease_at_once_share_no_consumer
            }
            declared_values {
                every_status_role_and_priority_is_stored_and_listed
            }
            deliveries {
                deliveries_are_listed_newest_first_in_pages
                a_bounded_number_of_deliveries_is_kept_of_each_webhook
                deliveries_go_with_their_webhook_and_with_the_log
            }
            deployments {
                a_database_of_another_deployment_is_refused_and_not_changed
                a_database_is_adopted_by_a_deployment_with_another_key
                of_deployments_that_race_for_a_new_database_one_gets_it
            }
            epochs {
                a_new_epoch_changes_the_id_and_the_numbers_go_on
                nodes_notice_a_new_epoch_and_go_on_with_it
                a_node_notices_that_the_log_has_lost_entries
            }
            export {
                an_export_has_every_entity_whole_in_the_order_of_ids
                an_export_under_writes_is_the_state_at_one_position_of_the_log
                an_export_ends_when_nobody_receives_it
            }
            filters {
                user_filters_pass_the_right_rows
                product_filters_pass_the_right_rows
                order_filters_pass_the_right_rows
                task_filters_pass_the_right_rows
                queries_in_one_call_are_answered_like_each_alone
                lists_of_many_customers_are_answered_like_each_alone
            }
            idempotency {
                a_repeated_order_is_answered_from_the_first
                a_repeated_order_is_answered_when_the_stock_is_gone
                a_key_with_another_input_is_refused
                parallel_calls_with_one_key_place_one_order
                a_repeated_adjustment_counts_once
                a_failed_order_does_not_use_up_its_key
                a_repeated_adjustment_answers_with_the_product_of_the_first_call
            }
            import {
                importing_twice_changes_nothing
                importing_again_keeps_later_changes
                importing_a_taken_unique_value_is_refused
                thousands_of_imported_rows_are_searched_and_bought
            }
            jobs {
                a_job_is_stored_and_listed_whole
                jobs_are_begun_when_they_are_due_the_oldest_first
                one_process_has_a_job_until_its_lease_ends
                an_extended_lease_lasts
                an_attempt_ends_as_it_went
                a_schedule_is_put_once_and_runs_again_and_again
                processes_that_begin_jobs_at_once_share_none
                only_admins_retry_and_discard_jobs
                pruning_deletes_jobs_that_ended_long_ago
            }
            languages {
                a_search_finds_the_same_in_each_language_and_spelling
                relevance_is_the_same_number_on_each_engine
                lists_by_name_page_past_names_of_any_length
            }
            log {
                each_log_entry_has_an_id_of_its_own
                the_log_is_read_in_parts
                a_page_of_large_entries_ends_early_and_says_so
                failures_imports_and_reads_leave_no_log_entry
                reading_the_log_past_its_head_stays_there
            }
            log_texts {
                updates_of_a_large_task_store_its_description_once
                an_order_of_many_products_with_long_descriptions_is_logged_whole
                changes_at_the_same_time_share_a_new_text
                pruning_deletes_texts_that_no_entry_has
            }
            log_order {
                readers_beside_eight_writers_see_the_whole_log
                readers_on_two_nodes_see_the_whole_log
            }
            metadata {
                each_change_of_metadata_is_stored_and_logged_whole
                metadata_is_bounded_and_the_largest_is_logged_whole
                lists_find_entities_by_their_metadata
                pages_by_metadata_walk_the_whole_list
            }
            money {
                totals_are_exact
                the_price_of_a_line_is_frozen
                a_total_past_the_range_is_refused
                an_order_in_two_currencies_is_refused
            }
            nodes {
                two_nodes_sell_the_same_stock_once
                two_nodes_place_one_order_for_one_key
                a_node_sees_what_another_has_written
            }
            permissions {
                changes_by_former_staff_are_refused_and_write_nothing
                changes_in_a_session_that_has_ended_are_refused_and_write_nothing
                of_orders_that_are_placed_together_those_of_ended_sessions_are_refused
                a_task_is_changed_by_its_owners_only
                an_order_is_cancelled_by_its_customer_only
                a_task_is_given_to_users_who_are_there_only
            }
            order_changes {
                each_change_of_an_order_is_stored_and_logged_whole
                a_returned_order_restocks_each_product_once
                two_lines_of_one_product_are_summed
            }
            pages {
                pages_of_users_walk_the_whole_list
                pages_of_products_walk_the_whole_list
                pages_of_orders_walk_the_whole_list
                pages_of_tasks_walk_the_whole_list
                a_page_knows_whether_rows_lie_around_it
                pages_of_nothing_are_empty
                pages_are_stable_while_rows_come_and_go
                lists_read_only_the_fields_asked_for
            }
            prune {
                pruning_shortens_the_log
                pruning_leaves_no_hole_in_the_log
                pruning_deletes_only_old_keys
                pruning_deletes_only_expired_sessions
            }
            reads {
                each_read_counts_what_it_loads_and_stops_at_its_budget
                rows_that_a_read_examines_are_counted_for_its_operation
            }
            reopen {
                reopening_keeps_everything
                acknowledged_writes_survive_closing
            }
            resumes {
                resuming_costs_what_was_missed_and_not_what_others_did
            }
            rights {
                each_end_of_rights_appends_one_entry_and_other_changes_of_users_do_not
                racing_ends_of_a_session_append_one_entry
                clients_find_no_entry_of_ended_rights
            }
            rows {
                lists_do_not_examine_rows_that_the_viewer_may_not_see
                pages_of_staff_examine_no_more_rows_when_there_are_more
            }
            search {
                search_finds_whole_words_in_any_case_and_accent
                search_has_no_operators
                search_follows_changes
                better_matches_rank_first
                pages_by_relevance_are_complete
                a_list_by_relevance_needs_a_search
            }
            sessions {
                sessions_last_until_they_expire_or_end
                session_users_are_read_together
                ending_the_sessions_of_a_user_leaves_others
                a_new_password_ends_the_sessions
                sessions_show_the_user_as_they_are_now
                a_used_refresh_token_ends_its_session
                a_refresh_token_gives_its_successor_again_for_a_moment
                a_token_that_was_never_issued_changes_nothing
                racing_rotations_get_the_same_successor
                a_session_opens_only_with_the_credentials_that_were_checked
                no_session_of_the_old_password_survives_a_new_one
                a_password_that_was_checked_changes_once
            }
            status {
                every_step_between_statuses_is_allowed_or_refused
                the_history_records_a_whole_life
                a_stale_version_is_reported_before_a_forbidden_step
            }
            stock {
                racing_buyers_get_no_more_than_the_stock
                orders_naming_two_products_in_opposite_order_do_not_deadlock
                short_stock_names_the_line_and_writes_nothing
                missing_and_archived_products_are_not_sold
                stock_is_adjusted_within_its_range
                racing_adjustments_all_count
                racing_cancellations_return_the_stock_once
                stock_agrees_with_the_order_when_cancel_races_confirm
                stock_returned_to_a_full_shelf_stays_at_its_largest_value
            }
            trending {
                sales_are_counted_by_whole_days_up_to_the_newest_order
                sales_that_follow_the_log_equal_those_that_are_counted_anew
                sales_counted_while_others_buy_have_each_order_once
            }
            unique {
                a_taken_e_mail_address_is_refused
                a_changed_e_mail_address_leaves_the_old_one_free
                an_order_is_found_by_number_and_listed_whatever_its_region
                a_taken_sku_is_refused
                a_taken_order_number_is_refused
                of_racers_for_a_unique_value_one_gets_it
            }
            users {
                a_deleted_user_is_anonymous
                a_deleted_user_leaves_the_address_free
                credentials_follow_the_password
                only_an_admin_changes_another_user
                of_admins_who_demote_each_other_one_remains
                racing_deletions_of_a_user_succeed_once
            }
            values {
                any_text_is_kept
                any_time_is_kept
                any_number_is_kept
                missing_values_stay_missing
            }
            versions {
                a_stale_version_of_a_product_is_refused
                a_stale_version_of_a_task_is_refused
                a_stale_version_of_a_user_is_refused
                of_racing_changes_of_a_version_one_wins
                the_version_grows_by_one_with_each_racing_change
            }
        }
    };
}

mod cached;
pub mod mongodb;
pub mod sqlite;
