//! Bounds of the exploration: the configurations in which every schedule is explored.

use std::{fmt, time::Instant};

use crate::{
    config::{
        ANY_ORDER, Card, DeliveryAddress, Guarantees, ModelConfig, OrderScenario, PRODUCTION, TWO_LOSSES, WITHOUT_ANY,
    },
    explore::{Explored, explore},
};

/// A configuration to explore.
#[derive(Debug, Clone)]
pub struct ExplorationBound {
    pub config: ModelConfig,
    /// Maximum executions of each provider call.
    pub attempts: u8,
}

/// An explored bound, displayed in one line.
#[derive(Debug)]
pub struct ExplorationReport {
    bound: ExplorationBound,
    pub explored: Explored,
    seconds: f32,
}

const GOOD: OrderScenario = OrderScenario {
    card: Card::Approved,
    address: DeliveryAddress::Served,
    cancelled: true,
    dispatched: true,
    late: true,
};
/// A scenario without actions of people or the clock.
const UNDISTURBED: OrderScenario = OrderScenario { cancelled: false, dispatched: false, late: false, ..GOOD };

/// All scenarios of one order, with customer, clerk and clock at any moment.
pub fn of_one_order(guarantees: Guarantees, attempts: u8) -> Vec<ExplorationBound> {
    of_scenario(GOOD, guarantees, attempts)
}

/// All scenarios of one order without people. Its deadline passes only when nothing else can happen.
pub fn of_one_undisturbed_order(guarantees: Guarantees) -> Vec<ExplorationBound> {
    of_scenario(UNDISTURBED, guarantees, 1)
}

/// A scenario with every response of the gateway and the carrier, and without stock.
fn of_scenario(scenario: OrderScenario, guarantees: Guarantees, attempts: u8) -> Vec<ExplorationBound> {
    let scenarios = [
        (scenario, 1),
        (OrderScenario { address: DeliveryAddress::Refused, ..scenario }, 1),
        (OrderScenario { address: DeliveryAddress::Silent, ..scenario }, 1),
        (OrderScenario { card: Card::Declined, ..scenario }, 1),
        (OrderScenario { card: Card::Silent, ..scenario }, 1),
        (scenario, 0),
    ];
    let bound = |(scenario, mugs)| {
        let config = ModelConfig { scenarios: vec![scenario], mugs, guarantees };
        ExplorationBound { config, attempts }
    };
    scenarios.map(bound).to_vec()
}

/// Two orders that compete for the last mug.
fn of_two_orders(first: OrderScenario, second: OrderScenario, guarantees: Guarantees) -> ExplorationBound {
    let config = ModelConfig { scenarios: vec![first, second], mugs: 1, guarantees };
    ExplorationBound { config, attempts: 1 }
}

/// Bounds of the tests. The records of one order arrive in any order, also within a topic, and repeatedly.
pub fn standard() -> Vec<ExplorationBound> {
    let mut bounds = of_one_order(WITHOUT_ANY, 1);
    let declined = OrderScenario { card: Card::Declined, ..UNDISTURBED };
    bounds.push(of_two_orders(UNDISTURBED, UNDISTURBED, PRODUCTION));
    bounds.push(of_two_orders(UNDISTURBED, declined, PRODUCTION));
    bounds
}

/// Bounds that take minutes and gigabytes.
pub fn deep() -> Vec<ExplorationBound> {
    let mut bounds = of_one_order(WITHOUT_ANY, 2);
    let refused = OrderScenario { address: DeliveryAddress::Refused, ..UNDISTURBED };
    let cancelled = OrderScenario { cancelled: true, ..UNDISTURBED };
    bounds.extend(of_one_order(TWO_LOSSES, 1));
    bounds.push(of_two_orders(UNDISTURBED, UNDISTURBED, ANY_ORDER));
    bounds.push(of_two_orders(UNDISTURBED, refused, PRODUCTION));
    bounds.push(of_two_orders(UNDISTURBED, cancelled, PRODUCTION));
    bounds
}

impl ExplorationBound {
    /// Explores every schedule within the bound.
    ///
    /// # Errors
    /// See [`explore`].
    pub fn explore(self) -> Result<ExplorationReport, String> {
        let started = Instant::now();
        let explored = explore(self.config.clone(), self.attempts)?;
        Ok(ExplorationReport { bound: self, explored, seconds: started.elapsed().as_secs_f32() })
    }
}

impl fmt::Display for ExplorationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound: ExplorationBound { config, attempts }, explored, seconds } = self;
        let (worlds, depth) = (explored.worlds, explored.depth);
        write!(f, "{worlds:>9} worlds, depth {depth:>3}, {seconds:>6.1} s: mugs {}", config.mugs)?;
        for scenario in &config.scenarios {
            write!(f, ", {scenario}")?;
        }
        let Guarantees { inbox, order_within_topic, losses, .. } = config.guarantees;
        write!(f, "; inbox {inbox}, order within topic {order_within_topic}, attempts {attempts}")?;
        if losses == 0 { Ok(()) } else { write!(f, "; losses {losses}, waves {}", explored.waves) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn report_names_size_scenarios_and_guarantees() {
        let bound = of_two_orders(GOOD, UNDISTURBED, ANY_ORDER);
        let explored = Explored { worlds: 1_234, depth: 56, ..Explored::default() };
        let report = ExplorationReport { bound, explored, seconds: 7.8 };
        expect!["     1234 worlds, depth  56,    7.8 s: mugs 1, Approved card to Served address with customer, clerk, clock, Approved card to Served address; inbox true, order within topic false, attempts 1"].assert_eq(&report.to_string());
    }
}
