//! Effects of orders at the providers, read from their ledgers.

use contracts::OrderId;
use providers::simulator::{CarrierLedger, CarrierTotals, GatewayLedger, GatewayTotals};
use xtask::wait_until;

use super::TestCluster;
use crate::timeout::TEST_TIMEOUT;

impl TestCluster {
    /// Ledger of the payment gateway.
    #[track_caller]
    pub fn gateway_ledger(&self) -> GatewayLedger {
        GatewayLedger::open(&self.data_dir().join("gateway.db")).expect("the gateway's ledger opens")
    }

    /// Ledger of the carrier.
    #[track_caller]
    pub fn carrier_ledger(&self) -> CarrierLedger {
        CarrierLedger::open(&self.data_dir().join("carrier.db")).expect("the carrier's ledger opens")
    }

    /// Charges, refunds and voids of an order.
    #[track_caller]
    pub fn gateway_entry(&self, id: OrderId) -> GatewayTotals {
        self.gateway_ledger().entry(id).expect("the gateway's ledger is readable")
    }

    /// Bookings of an order.
    #[track_caller]
    pub fn carrier_entry(&self, id: OrderId) -> CarrierTotals {
        self.carrier_ledger().entry(id).expect("the carrier's ledger is readable")
    }

    /// Asserts that an order is charged once and booked once.
    #[track_caller]
    pub fn assert_paid_and_booked(&self, id: OrderId, total_minor: i64) {
        let paid = GatewayTotals { captures: 1, captured_minor: total_minor, ..GatewayTotals::default() };
        assert_eq!(self.gateway_entry(id), paid, "order {id} is charged once");
        let booked = CarrierTotals { bookings: 1, ..CarrierTotals::default() };
        assert_eq!(self.carrier_entry(id), booked, "order {id} is booked once");
    }

    /// Asserts that neither provider did anything for an order.
    #[track_caller]
    pub fn assert_no_provider_effects(&self, id: OrderId) {
        assert_eq!(self.gateway_entry(id), GatewayTotals::default(), "the gateway does nothing for order {id}");
        assert_eq!(self.carrier_entry(id), CarrierTotals::default(), "the carrier does nothing for order {id}");
    }

    /// Asserts that a cancelled order holds neither money nor a booking. Waits for the carrier, because orders do not.
    #[track_caller]
    pub fn assert_compensated(&self, id: OrderId) {
        let money = self.gateway_entry(id);
        assert_eq!(money.captured_minor, money.refunded_minor, "order {id} is refunded: {money:?}");
        assert!(
            money.captures <= 1 && money.refunds <= 1,
            "order {id} is charged and refunded at most once: {money:?}"
        );
        let unbooked = wait_until(&format!("the booking of order {id} to be cancelled"), TEST_TIMEOUT, || {
            let booking = self.carrier_entry(id);
            if booking.active() == 0 { Ok(()) } else { Err(format!("{booking:?}")) }
        });
        unbooked.expect("the carrier cancels the booking");
    }
}
