use std::time::Duration;

use contracts::order::Address;
use providers::{
    BookAnswer, Carrier,
    simulator::{CarrierEntry, CarrierLedger, SLOW_ANSWER, SimulatedCarrier, addresses},
};
use tokio::time::Instant;

use crate::{Place, assert_refused, assert_unavailable, order};

const BOOKED: CarrierEntry = CarrierEntry { bookings: 1, unbooked: 0, closed: 0 };
const UNBOOKED: CarrierEntry = CarrierEntry { bookings: 1, unbooked: 1, closed: 1 };
const CLOSED: CarrierEntry = CarrierEntry { bookings: 0, unbooked: 0, closed: 1 };

fn open(place: &Place) -> (SimulatedCarrier, CarrierLedger) {
    let carrier = SimulatedCarrier::open(&place.ledger()).expect("opens");
    (carrier, CarrierLedger::open(&place.ledger()).expect("opens"))
}

fn address(postal_code: &str) -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        street: "12 Analytical Way".to_owned(),
        city: "London".to_owned(),
        postal_code: postal_code.to_owned(),
        country: "GB".to_owned(),
    }
}

fn usual() -> Address {
    address("N1 7AA")
}

fn booked(number: u128) -> BookAnswer {
    BookAnswer::Booked { tracking: format!("trk_{number:032x}") }
}

fn refused(reason: &str) -> BookAnswer {
    BookAnswer::Refused { reason: reason.to_owned() }
}

#[tokio::test]
async fn the_address_says_what_happens() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let antarctica = Address { country: addresses::UNSERVED_COUNTRY.to_owned(), ..usual() };
    let cases = [
        (1, usual(), booked(1)),
        (2, antarctica, refused("country AQ is not served")),
        (3, address(addresses::UNKNOWN_POSTAL_CODE), refused("address unknown")),
        (4, address("000000"), booked(4)),
    ];
    for (number, address, answer) in cases {
        for _ in 0..2 {
            assert_eq!(carrier.book(order(number), &address).await, Ok(answer.clone()), "{address:?}");
        }
    }
    let entries: Vec<_> = ledger.entries().expect("reads").into_iter().collect();
    assert_eq!(entries, [(order(1), BOOKED), (order(4), BOOKED)]);
    assert_eq!(ledger.total().expect("reads").active(), 2);
    assert_eq!(ledger.calls().expect("reads").len(), 8);
}

#[tokio::test]
async fn a_key_is_not_for_two_parcels() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_refused(&carrier.book(order(1), &address("N1 7AB")).await);
    assert_eq!(ledger.total().expect("reads"), BOOKED);
}

#[tokio::test]
async fn the_error_address_is_never_booked_but_can_be_cancelled() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    for _ in 0..5 {
        assert_unavailable(&carrier.book(order(1), &address(addresses::ERROR_POSTAL_CODE)).await);
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CarrierEntry::default());
    assert_eq!(carrier.cancel(order(1)).await, Ok(()));
    assert_eq!(ledger.entry(order(1)).expect("reads"), CLOSED);
}

#[tokio::test]
async fn a_lost_answer_is_told_by_the_next_call() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let flaky = address(addresses::FLAKY_POSTAL_CODE);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), CarrierEntry::default());
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), BOOKED, "booked although nobody was told");
    assert_eq!(carrier.book(order(1), &flaky).await, Ok(booked(1)));
    assert_eq!(ledger.entry(order(1)).expect("reads"), BOOKED);
}

#[tokio::test]
async fn a_cancellation_closes_the_key_whatever_came_before() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let unknown = address(addresses::UNKNOWN_POSTAL_CODE);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_eq!(carrier.book(order(2), &unknown).await, Ok(refused("address unknown")));
    for (number, address, entry) in [(1, usual(), UNBOOKED), (2, unknown, CLOSED), (3, usual(), CLOSED)] {
        for _ in 0..2 {
            assert_eq!(carrier.cancel(order(number)).await, Ok(()));
            assert_eq!(carrier.book(order(number), &address).await, Ok(BookAnswer::Cancelled));
        }
        assert_eq!(ledger.entry(order(number)).expect("reads"), entry, "order {number}");
    }
    assert_eq!(ledger.total().expect("reads").active(), 0);
}

#[tokio::test]
async fn a_cancellation_undoes_the_booking_whose_answer_was_lost() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let flaky = address(addresses::FLAKY_POSTAL_CODE);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(carrier.cancel(order(1)).await, Ok(()));
    assert_eq!(carrier.book(order(1), &flaky).await, Ok(BookAnswer::Cancelled));
    assert_eq!(ledger.entry(order(1)).expect("reads"), UNBOOKED);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_during_a_slow_booking_wins() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let slow = address(addresses::SLOW_POSTAL_CODE);
    let (booking, cancelling) = tokio::join!(carrier.book(order(1), &slow), async { carrier.cancel(order(1)).await });
    assert_eq!((booking, cancelling), (Ok(BookAnswer::Cancelled), Ok(())));
    assert_eq!(ledger.entry(order(1)).expect("reads"), CLOSED);
}

#[tokio::test(start_paused = true)]
async fn a_slow_booking_goes_on_when_its_caller_gives_up() {
    let place = Place::new();
    let (carrier, ledger) = open(&place);
    let slow = address(addresses::SLOW_POSTAL_CODE);
    let start = Instant::now();
    assert_eq!(carrier.book(order(1), &slow).await, Ok(booked(1)));
    assert!(start.elapsed() >= SLOW_ANSWER);

    let given_up = tokio::time::timeout(Duration::from_secs(1), carrier.book(order(2), &slow)).await;
    assert!(given_up.is_err());
    assert_eq!(ledger.entry(order(2)).expect("reads"), CarrierEntry::default());
    tokio::time::sleep(SLOW_ANSWER).await;
    assert_eq!(ledger.entry(order(2)).expect("reads"), BOOKED);
}

#[tokio::test]
async fn the_ledger_survives_its_process() {
    let place = Place::new();
    let (carrier, _) = open(&place);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_eq!(carrier.cancel(order(2)).await, Ok(()));
    drop(carrier);

    let (carrier, ledger) = open(&place);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_eq!(carrier.book(order(2), &usual()).await, Ok(BookAnswer::Cancelled));
    let entries: Vec<_> = ledger.entries().expect("reads").into_iter().collect();
    assert_eq!(entries, [(order(1), BOOKED), (order(2), CLOSED)]);
}
