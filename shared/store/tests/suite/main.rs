//! The test suite of all storage backends: one function per behaviour.
//!
//! A backend runs it with a [`Fixture`] and one line: `suite!(ItsFixture)`.

mod fixture;
mod instances;
mod parked;
mod postgres;
mod queues;
mod read_positions;
mod sqlite;
mod streams;
mod transactions;

/// Declares a test for every behaviour. The compiler reports an unlisted one as dead code.
macro_rules! suite {
    ($fixture:ty) => {
        crate::behaviours! {
            $fixture,
            streams {
                unknown_stream_is_empty
                events_load_as_appended
                stream_keeps_its_first_correlation_id_and_trace
                streams_are_separate
                loading_starts_at_the_latest_snapshot
                state_as_of_version_folds_the_first_events
                state_as_of_time_folds_the_first_events
                state_as_of_time_has_no_gaps_when_a_clock_ran_backwards
                history_is_paged_regardless_of_snapshots
                long_stream_loads_only_events_after_its_last_snapshot
                streams_are_listed_newest_first_in_pages
                streams_are_listed_by_current_status
                streams_are_due_longest_overdue_first
                stream_is_due_according_to_its_last_write
            }
            transactions {
                requested_streams_load_in_the_requested_order
                known_stream_loads_only_new_events
                request_skips_the_snapshot_when_asked
                events_of_another_writer_are_new
                several_streams_are_written_together
                write_at_another_version_conflicts
                creating_an_existing_stream_conflicts
                conflict_rolls_back_everything
                failed_step_rolls_back_everything
                failed_write_rolls_back_everything
                failed_transaction_is_returned_for_a_retry
                message_is_reported_when_processed_before
                message_is_remembered_after_reopening
                message_of_a_failed_transaction_is_not_processed
                outbox_rows_are_shown_before_commit
                concurrent_transactions_lose_no_update
                reopening_keeps_everything
            }
            read_positions {
                read_positions_are_those_of_the_last_commit
            }
            queues {
                outbox_is_in_commit_order
                deleted_outbox_positions_are_never_reused
                published_rows_are_deleted_with_their_transaction
                outbox_preserves_every_byte
                oldest_outbox_row_has_its_commit_time
                intents_are_open_until_answered
                intent_is_answered_in_a_transaction_that_opens_others
                intent_positions_are_never_reused
            }
            parked {
                record_is_parked_once_with_every_byte
                only_the_first_record_of_a_key_is_due
                rescheduled_record_is_due_later
                keys_with_parked_records_are_blocked
                parked_records_survive_reopening
                inbox_purge_deletes_entries_older_than_the_horizon
                old_snapshots_are_thinned_out
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
