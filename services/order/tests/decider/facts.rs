//! Other services' facts, and their recording.

use contracts::samples;
use decider::{Named as _, Service as _};
use decider_testing::{check_reactions, meta};
use order::decider::{Command, Fact, Order};

use crate::{FACTS, PAID, confirmed, empty, given, record, recorded, recorded_fact};

#[test]
fn reactions_match_saga_table() {
    assert_eq!(check_reactions::<Order>(), FACTS.map(|fact| <&str>::from(&fact)));
}

#[test]
fn every_foreign_event_becomes_the_fact_of_the_same_name() {
    let mut names = vec![];
    for event in samples::all() {
        let (event_type, subject) = (event.event_type(), event.subject());
        let meta = contracts::Meta { event_type, subject, ..meta(&samples::order_confirmed()) };
        let Some(command) = Order::react(&meta, event.data()) else { continue };
        assert_eq!(command.name(), "Record");
        let Command::Record(actual) = command else { panic!("{command:?}") };
        assert_eq!(actual, recorded_fact(actual.fact));
        assert_eq!(<&str>::from(&actual.fact), event_type.name);
        names.push(event_type.name);
    }
    let mut expected = FACTS.map(|fact| <&str>::from(&fact));
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn fact_is_recorded_alone_when_it_decides_no_outcome() {
    let decisive = [
        Fact::StockReservationRejected,
        Fact::ShipmentScheduled,
        Fact::ShipmentDispatched,
        Fact::ShipmentCancellationRefused,
    ];
    for fact in FACTS.into_iter().filter(|fact| !decisive.contains(fact)) {
        given(&[]).when_commanded(&record(fact)).then([recorded(fact)]);
    }
}

#[test]
fn fact_is_ignored_when_order_is_unknown() {
    for fact in FACTS {
        empty().when_commanded(&record(fact)).then([]);
    }
}

#[test]
fn fact_is_ignored_when_repeated() {
    for fact in FACTS {
        given(&[]).when_commanded(&record(fact)).when_commanded(&record(fact)).then([]);
    }
}

#[test]
fn fact_is_ignored_when_a_later_one_is_known() {
    let late = [
        (Fact::StockReserved, Fact::StockCommitted),
        (Fact::StockReserved, Fact::StockReleased),
        (Fact::StockCommitted, Fact::StockReleased),
        (Fact::PaymentCaptured, Fact::PaymentRefunded),
        (Fact::ShipmentScheduled, Fact::ShipmentCancelled),
    ];
    for (earlier, later) in late {
        given(&[later]).when_commanded(&record(earlier)).then([]);
    }
    for later in [Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused] {
        given(&[later]).given([confirmed()]).when_commanded(&record(Fact::ShipmentScheduled)).then([]);
    }
    given(&PAID).when_commanded(&record(Fact::StockReserved)).then([]);
}
