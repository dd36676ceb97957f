//! The test suite of all storage backends: one function per behaviour.
//!
//! A backend runs it with a [`Fixture`] and one line: `suite!(ItsFixture)`.

mod dead_letters;
mod fixture;
mod heads;
mod instances;
mod intents;
mod log;
mod migration;
mod postgres;
mod read_positions;
mod replays;
mod sqlite;
mod streams;
mod transactions;
mod waiting;

use waiting::{parked, unsent};

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
                state_as_of_event_folds_up_to_that_event
                state_as_of_an_event_of_another_stream_is_empty
                history_is_paged_regardless_of_snapshots
                long_stream_loads_only_events_after_its_last_snapshot
                streams_are_listed_newest_first_in_pages
                streams_are_listed_by_current_status
                streams_are_due_longest_overdue_first
                stream_is_due_according_to_its_last_write
                old_snapshots_are_thinned_out
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
                message_of_a_failed_transaction_is_not_processed
                writes_are_observed_before_commit
                concurrent_transactions_lose_no_update
                reopening_keeps_everything
            }
            heads {
                stream_without_events_keeps_its_processed_ids
                stream_without_events_is_not_listed
                first_event_sets_correlation_id_and_trace
                head_survives_reopening
                head_of_another_writer_is_returned
            }
            log {
                events_have_positions_in_commit_order
                tail_returns_public_events_with_every_byte
                empty_page_is_complete_through_internal_events
                tail_with_a_limit_continues_after_its_last_event
                ranges_of_consecutive_transactions_follow_each_other
                tail_continues_after_a_failed_transaction
                cursor_is_stored_alone_or_with_a_transaction
                cursor_never_moves_backwards
                unpublished_counts_public_events_after_the_cursor
            }
            intents {
                intents_have_the_positions_of_their_events
                intents_are_open_until_closed_by_position
                intents_are_read_in_pages
                intent_is_closed_by_a_transaction_that_opens_others
            }
            dead_letters {
                dead_letter_is_unpublished_until_marked
                dead_letter_preserves_every_byte
                dead_letter_replaces_one_of_the_same_id
                dead_letter_is_reported_to_its_message
                redriven_dead_letter_is_deleted
                republished_dead_letters_are_unpublished
                oldest_published_dead_letters_are_deleted
            }
            unsent {
                unsent_record_is_kept_once_with_every_byte
                only_the_first_unsent_record_of_a_key_is_due
                rescheduled_unsent_record_is_due_later
                unsent_records_survive_reopening
                unsent_records_do_not_count_as_published
            }
            replays {
                replays_are_open_until_finished
                replay_of_a_failed_transaction_is_not_open
            }
            read_positions {
                read_positions_are_those_of_the_last_commit
            }
            parked {
                record_is_parked_once_with_every_byte
                message_is_parked_once_from_two_places
                only_the_first_record_of_a_key_is_due
                rescheduled_record_is_due_later
                keys_with_parked_records_are_blocked
                parked_records_survive_reopening
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
