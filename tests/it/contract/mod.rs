//! The behaviour suite of [`orderwire::storage::Store`]: what a storage engine promises, written once and checked on
//! every engine. A new engine gets a file like `sqlite.rs` and a line at the end of this one.

mod batch;
mod callers;
mod data_set;
pub mod engine;
mod filters;
mod idempotency;
mod import;
mod listed;
mod log;
mod log_order;
mod money;
mod nodes;
mod pages;
mod prune;
mod reopen;
mod search;
mod sessions;
mod status;
mod stock;
mod trending;
mod unique;
mod users;
mod values;
mod versions;

/// The test functions of the behaviours, for one engine.
macro_rules! tests {
    ($engine:ident; $($topic:ident { $($behaviour:ident)+ })+) => {
        $(
            mod $topic {
                use crate::contract::{engine, $topic};
                use super::$engine;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $behaviour() {
                        engine::check::<$engine>(async |db| $topic::$behaviour(db).await).await;
                    }
                )+
            }
        )+
    };
}

macro_rules! every_behaviour {
    ($engine:ident) => {
        tests! { $engine;
            batch {
                by_id_answers_in_order
                by_name_answers_in_order
                an_id_finds_its_own_type_only
            }
            callers {
                who_go_away_leave_whole_orders
                of_all_kinds_at_once_get_their_own_answers
            }
            filters {
                of_users_give_the_right_rows
                of_products_give_the_right_rows
                of_orders_give_the_right_rows
                of_tasks_give_the_right_rows
                many_queries_in_one_call_are_answered_like_each_alone
                lists_of_many_parents_are_answered_like_each_alone
            }
            idempotency {
                a_repeated_order_is_answered_from_the_first
                a_repeated_order_is_answered_when_the_stock_is_gone
                a_key_with_another_input_is_refused
                parallel_calls_with_one_key_place_one_order
                a_repeated_adjustment_counts_once
                a_failed_order_does_not_use_up_its_key
            }
            import {
                twice_changes_nothing
                keeps_what_has_changed_since
                refuses_a_value_that_another_entity_has
                of_many_rows_at_once
            }
            log {
                has_an_entry_for_each_change_of_a_product
                has_an_entry_for_each_change_of_a_task
                has_entries_for_each_change_of_an_order
                is_read_in_parts
                has_nothing_of_what_did_not_happen
            }
            log_order {
                is_seen_whole_by_readers_beside_eight_writers
                is_seen_whole_on_every_node
            }
            money {
                is_exact
                of_a_line_is_frozen
                at_the_end_of_its_range
                of_two_currencies_is_not_mixed
            }
            nodes {
                sell_the_same_stock
                place_an_order_with_one_key_once
                see_what_another_has_done
            }
            pages {
                of_users_walk_the_whole_list
                of_products_walk_the_whole_list
                of_orders_walk_the_whole_list
                of_tasks_walk_the_whole_list
                know_what_lies_around_them
                of_nothing_are_empty
                are_stable_while_rows_come_and_go
                read_only_the_fields_asked_for
            }
            prune {
                shortens_the_log
                leaves_no_hole_in_the_log
                forgets_old_keys_only
                removes_expired_sessions_only
            }
            reopen {
                keeps_everything
                keeps_what_was_acknowledged_while_closing
            }
            search {
                finds_whole_words_in_any_case_and_accent
                has_no_operators
                follows_changes
                ranks_better_matches_first
                pages_by_relevance_are_complete
            }
            sessions {
                last_until_they_expire_or_end
                are_read_together
                end_for_one_user_only
                end_with_a_new_password
                show_the_user_as_they_are_now
                rotate_their_token
                rotate_once_when_raced_for
            }
            status {
                steps_are_allowed_or_refused
                a_whole_life_is_recorded
                a_stale_version_is_reported_before_a_forbidden_step
                stock_comes_back_to_the_products_there_are
            }
            stock {
                is_sold_once_however_many_race_for_it
                of_two_products_in_opposite_order_is_no_deadlock
                that_is_short_names_the_line_and_writes_nothing
                of_missing_or_archived_products_is_not_sold
                is_adjusted_within_its_range
                is_adjusted_by_many_at_once
                comes_back_once_however_many_cancel
                agrees_with_the_order_when_cancel_races_confirm
                that_comes_back_to_a_full_shelf_does_not_wrap
            }
            trending {
                are_those_with_the_most_units_of_late
            }
            unique {
                e_mail_addresses
                skus
                order_numbers
                when_raced_for
            }
            users {
                that_are_deleted_are_anonymous
                that_are_deleted_leave_their_address
                have_credentials
                that_race_to_delete_one_do_it_once
            }
            values {
                of_any_text
                of_any_time
                of_any_number
                that_can_be_missing
                of_every_field
            }
            versions {
                of_products
                of_tasks
                of_users
                let_one_of_many_win
                grow_by_one_with_each_of_many_changes
            }
        }
    };
}

pub mod mongodb;
pub mod sqlite;
