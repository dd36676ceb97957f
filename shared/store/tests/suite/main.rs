//! What every store must do: one function per behaviour, the same for every storage.
//!
//! A storage takes part with a [`Fixture`] and one line: `suite!(ItsFixture)`.

mod fixture;
mod instances;
mod parked;
mod postgres;
mod queues;
mod sqlite;
mod streams;
mod transactions;

/// A test for every behaviour. One that is not listed here is dead code, which the compiler tells.
macro_rules! suite {
    ($fixture:ty) => {
        crate::behaviours! {
            $fixture,
            streams {
                an_unknown_stream_is_empty
                events_are_loaded_as_they_were_appended
                a_stream_keeps_the_correlation_and_the_trace_it_began_with
                streams_are_kept_apart
                loading_begins_at_the_latest_snapshot
                a_stream_as_it_was_at_a_version_is_the_fold_of_its_first_events
                a_stream_as_it_was_at_a_time_is_the_fold_of_its_first_events
                a_stream_as_it_was_has_no_gaps_even_if_a_clock_ran_backwards
                history_comes_in_pages_whatever_snapshots_there_are
                a_long_stream_loads_no_more_than_what_followed_its_last_snapshot
                streams_are_listed_newest_first_in_pages
                streams_are_listed_by_their_status_now
                streams_are_due_longest_overdue_first
                a_stream_is_due_as_its_last_write_says
            }
            transactions {
                what_is_asked_for_is_loaded_in_that_order
                of_a_stream_that_is_known_only_what_is_new_is_loaded
                what_somebody_else_appended_is_new
                several_streams_are_written_together
                a_write_at_another_version_is_a_conflict
                a_second_beginning_of_a_stream_is_a_conflict
                a_conflict_leaves_nothing
                a_failed_step_leaves_nothing
                a_failed_write_leaves_nothing
                a_failed_transaction_is_given_back_and_can_be_tried_again
                a_message_is_seen_when_it_was_handled_before
                a_message_is_seen_after_a_reopening
                a_message_of_a_failed_transaction_was_not_handled
                what_is_written_is_told_before_it_is_committed
                concurrent_transactions_lose_no_update
                reopening_keeps_everything
            }
            queues {
                the_outbox_is_in_the_order_of_commits
                published_rows_are_gone_and_their_positions_never_come_again
                rows_are_forgotten_in_the_transaction_that_says_so
                a_record_comes_out_of_the_outbox_byte_for_byte
                the_oldest_row_tells_how_long_it_has_waited
                intents_are_open_until_they_are_answered
                an_intent_can_be_answered_by_a_transaction_that_opens_others
                a_position_of_an_intent_never_comes_again
            }
            parked {
                a_record_is_parked_byte_for_byte_and_only_once
                only_the_first_record_of_an_order_comes_up
                what_is_postponed_comes_up_later
                orders_with_parked_records_are_told_to_who_asks_for_them
                what_is_parked_outlives_a_reopening
                the_inbox_forgets_what_is_older_than_the_horizon
                of_many_snapshots_the_old_are_thinned_out
            }
        }
    };
}
pub(crate) use suite;

macro_rules! behaviours {
    ($fixture:ty, $($module:ident { $($behaviour:ident)+ })+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                crate::$module::$behaviour(<$fixture as crate::fixture::Fixture>::empty().await).await;
            }
        )+)+
    };
}
pub(crate) use behaviours;
