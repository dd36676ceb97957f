//! Properties of every sequence of commands.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{CancelReason, OrderId, Sku, inventory::StockLine, samples::ORDER, samples::sku};
use decider_testing::Case;
use inventory::decider::{Command, Inventory, Reservation};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use crate::{OTHER_ORDER, TEA, empty, reserve, units};

const SKUS: [&str; 2] = ["MUG", TEA];
const ORDERS: [OrderId; 3] = [ORDER, OTHER_ORDER, OrderId(Uuid::from_u128(3))];

fn any_command() -> impl Strategy<Value = Command> {
    let order = || select(ORDERS.to_vec());
    // Few receipts, so that some are repeated, also with another quantity.
    let receive = (0..8_u128, select(SKUS.to_vec()), 1..5_u32).prop_map(|(receipt, text, quantity)| Command::Receive {
        receipt_id: Uuid::from_u128(receipt),
        sku: sku(text),
        quantity,
    });
    let reserve = (order(), proptest::sample::subsequence(SKUS.to_vec(), 1..=2), 1..4_u32).prop_map(
        |(order_id, skus, quantity)| {
            reserve(order_id, &skus.into_iter().map(|text| (text, quantity)).collect::<Vec<_>>())
        },
    );
    let reason = select(vec![CancelReason::Customer, CancelReason::PaymentDeclined, CancelReason::ShipmentRejected]);
    prop_oneof![
        2 => receive,
        3 => reserve,
        2 => order().prop_map(Command::Commit),
        2 => (order(), reason).prop_map(|(order_id, reason)| Command::Release { order_id, reason }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn every_received_unit_is_on_hand_or_belongs_to_one_order(
        commands in proptest::collection::vec(any_command(), 1..40),
    ) {
        let mut case = empty();
        let (mut receipts, mut received) = (BTreeSet::new(), BTreeMap::<Sku, u64>::new());
        for command in &commands {
            if let Command::Receive { receipt_id, sku, quantity } = command
                && receipts.insert(receipt_id)
            {
                *received.entry(sku.clone()).or_default() += u64::from(*quantity);
            }
            case.decide(command);
            for text in SKUS {
                let (on_hand, reserved, shipped) = units(&case, text);
                let received = received.get(&sku(text)).copied().unwrap_or_default();
                prop_assert_eq!(on_hand + reserved + shipped, received, "of {}", text);
                prop_assert_eq!((reserved, shipped), claimed(&case, text), "of {}", text);
            }
        }
    }
}

/// Units of a SKU that all orders hold, and units that left the stock for them.
fn claimed(case: &Case<Inventory>, text: &str) -> (u64, u64) {
    let units = |lines: &[StockLine]| -> u64 {
        lines.iter().filter(|line| line.sku == sku(text)).map(|line| u64::from(line.quantity)).sum()
    };
    let claims = ORDERS.map(|order_id| match case.state(&Command::Commit(order_id)).reservation {
        Reservation::Held(lines) => (units(&lines), 0),
        Reservation::Committed(lines) => (0, units(&lines)),
        Reservation::New | Reservation::Rejected | Reservation::Released => (0, 0),
    });
    claims.into_iter().fold((0, 0), |(held, shipped), claim| (held + claim.0, shipped + claim.1))
}
