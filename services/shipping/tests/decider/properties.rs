//! Properties of every sequence of commands.

use contracts::{samples::ORDER, shipping::ShippingEvent};
use decider::LogEvent;
use proptest::{prelude::*, sample::select};
use shipping::decider::{Command, Event, ShipmentStep, State};

use crate::{DISPATCH, REASONS, destination, given, responses, state};

fn any_command() -> impl Strategy<Value = Command> {
    let cancel = select(REASONS.to_vec()).prop_map(|reason| Command::Cancel { order_id: ORDER, reason });
    let others = [Command::RecordOrder(destination()), Command::Schedule(ORDER), DISPATCH];
    prop_oneof![3 => select(others.to_vec()), 1 => cancel, 2 => select(responses().to_vec())]
}

/// Number of events of each kind in a log.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    bookings: usize,
    booking_cancellations: usize,
    scheduled: usize,
    rejected: usize,
    cancelled: usize,
    refused: usize,
    dispatched: usize,
}

impl Counts {
    fn of(log: &[Event]) -> Self {
        let mut counts = Self::default();
        for event in log {
            match event {
                LogEvent::Internal(ShipmentStep::OrderRecorded(_) | ShipmentStep::CommitmentRecorded { .. }) => {}
                LogEvent::Internal(ShipmentStep::BookingStarted(_)) => counts.bookings += 1,
                LogEvent::Internal(ShipmentStep::BookingCancellationStarted { .. }) => {
                    counts.booking_cancellations += 1;
                }
                LogEvent::Public(ShippingEvent::ShipmentScheduled(_)) => counts.scheduled += 1,
                LogEvent::Public(ShippingEvent::ShipmentRejected(_)) => counts.rejected += 1,
                LogEvent::Public(ShippingEvent::ShipmentCancelled(_)) => counts.cancelled += 1,
                LogEvent::Public(ShippingEvent::ShipmentCancellationRefused(_)) => counts.refused += 1,
                LogEvent::Public(ShippingEvent::ShipmentDispatched(_)) => counts.dispatched += 1,
            }
        }
        counts
    }
}

/// Returns true if the shipment can still be dispatched or cancelled.
fn is_open(state: &State) -> bool {
    match state {
        State::New | State::OrderRecorded(_) | State::CommitmentRecorded => true,
        State::Booking(_) | State::Scheduled { .. } => true,
        State::Rejected { .. } | State::Cancelled { .. } | State::Dispatched { .. } => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn shipment_has_at_most_one_end(commands in proptest::collection::vec(any_command(), 1..30)) {
        let mut case = given([]);
        let mut log = vec![];
        let mut effective_responses = 0;
        let (mut order_seen, mut commitment_seen, mut cancellation_seen) = (false, false, false);
        for command in &commands {
            let events = case.decide(command);
            match command {
                Command::RecordOrder(_) => order_seen = true,
                Command::Schedule(_) => commitment_seen = true,
                Command::Cancel { .. } => cancellation_seen = true,
                Command::RecordBooking { .. } | Command::RecordCancellation(_) => {
                    effective_responses += usize::from(!events.is_empty());
                }
                Command::Dispatch(_) => {}
            }
            let is_booked = Counts::of(&events).bookings > 0;
            prop_assert!(!is_booked || order_seen && commitment_seen, "booked before both facts: {:?}", log);
            log.extend(events);
            prop_assert!(!(cancellation_seen && is_open(&state(&case))), "cancellation is undecided: {:?}", log);
        }
        let Counts { bookings, booking_cancellations, scheduled, rejected, cancelled, refused, dispatched } =
            Counts::of(&log);
        prop_assert!(dispatched + cancelled + rejected <= 1, "{:?}", log);
        prop_assert!(refused <= dispatched && dispatched <= scheduled, "{:?}", log);
        prop_assert!(scheduled <= bookings && bookings <= 1, "{:?}", log);
        prop_assert!(effective_responses <= bookings, "a booking has two effective responses: {:?}", log);
        prop_assert_eq!(booking_cancellations, usize::from(bookings == 1 && cancelled == 1), "{:?}", log);
    }
}
