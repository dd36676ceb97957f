use contracts::order::Address;
use providers::{
    BookAnswer, Carrier,
    simulator::{CarrierLedger, CarrierTotals, SimulatedCarrier, addresses},
};
use tokio::time::Instant;

use crate::{SLOW, TempLedger, assert_refused, assert_unavailable, order, wait_until};

const BOOKED: CarrierTotals = CarrierTotals { bookings: 1, unbooked: 0, closed: 0 };
const UNBOOKED: CarrierTotals = CarrierTotals { bookings: 1, unbooked: 1, closed: 1 };
const CLOSED: CarrierTotals = CarrierTotals { bookings: 0, unbooked: 0, closed: 1 };

fn open(temp: &TempLedger) -> (SimulatedCarrier, CarrierLedger) {
    let carrier = SimulatedCarrier::open(&temp.path()).expect("opens");
    (carrier, CarrierLedger::open(&temp.path()).expect("opens"))
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
async fn address_selects_the_outcome() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
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
async fn key_is_refused_for_another_address() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_refused(&carrier.book(order(1), &address("N1 7AB")).await);
    assert_eq!(ledger.total().expect("reads"), BOOKED);
}

#[tokio::test]
async fn error_address_is_never_booked_but_can_be_cancelled() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    for _ in 0..5 {
        assert_unavailable(&carrier.book(order(1), &address(addresses::ERROR_POSTAL_CODE)).await);
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CarrierTotals::default());
    assert_eq!(carrier.cancel(order(1)).await, Ok(()));
    assert_eq!(ledger.entry(order(1)).expect("reads"), CLOSED);
}

#[tokio::test]
async fn lost_answer_is_returned_by_the_next_call() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    let flaky = address(addresses::FLAKY_POSTAL_CODE);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), CarrierTotals::default());
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), BOOKED, "booked despite the lost answer");
    assert_eq!(carrier.book(order(1), &flaky).await, Ok(booked(1)));
    assert_eq!(ledger.entry(order(1)).expect("reads"), BOOKED);
}

#[tokio::test]
async fn cancellation_closes_the_key_in_every_state() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
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
async fn cancellation_undoes_a_booking_with_lost_answer() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    let flaky = address(addresses::FLAKY_POSTAL_CODE);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_unavailable(&carrier.book(order(1), &flaky).await);
    assert_eq!(carrier.cancel(order(1)).await, Ok(()));
    assert_eq!(carrier.book(order(1), &flaky).await, Ok(BookAnswer::Cancelled));
    assert_eq!(ledger.entry(order(1)).expect("reads"), UNBOOKED);
}

#[tokio::test]
async fn cancellation_wins_when_booking_is_slow() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    let carrier = carrier.with_slow(SLOW);
    let slow = address(addresses::SLOW_POSTAL_CODE);
    let (booking, cancelling) = tokio::join!(carrier.book(order(1), &slow), async { carrier.cancel(order(1)).await });
    assert_eq!((booking, cancelling), (Ok(BookAnswer::Cancelled), Ok(())));
    assert_eq!(ledger.entry(order(1)).expect("reads"), CLOSED);
}

#[tokio::test]
async fn slow_booking_continues_when_its_caller_gives_up() {
    let temp = TempLedger::new();
    let (carrier, ledger) = open(&temp);
    let carrier = carrier.with_slow(SLOW);
    let slow = address(addresses::SLOW_POSTAL_CODE);
    let start = Instant::now();
    assert_eq!(carrier.book(order(1), &slow).await, Ok(booked(1)));
    assert!(start.elapsed() >= SLOW);

    let given_up = tokio::time::timeout(SLOW / 10, carrier.book(order(2), &slow)).await;
    assert!(given_up.is_err());
    assert_eq!(ledger.entry(order(2)).expect("reads"), CarrierTotals::default());
    wait_until(|| ledger.entry(order(2)).expect("reads") == BOOKED).await;
}

#[tokio::test]
async fn ledger_survives_its_process() {
    let temp = TempLedger::new();
    let (carrier, _) = open(&temp);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_eq!(carrier.cancel(order(2)).await, Ok(()));
    drop(carrier);

    let (carrier, ledger) = open(&temp);
    assert_eq!(carrier.book(order(1), &usual()).await, Ok(booked(1)));
    assert_eq!(carrier.book(order(2), &usual()).await, Ok(BookAnswer::Cancelled));
    let entries: Vec<_> = ledger.entries().expect("reads").into_iter().collect();
    assert_eq!(entries, [(order(1), BOOKED), (order(2), CLOSED)]);
}
