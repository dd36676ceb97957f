//! How far the explorer goes: which stories it follows in every order.

use std::{fmt, time::Instant};

use crate::{Card, Destination, Explored, Guarantees, PRODUCTION, Setting, Story, WITHOUT_ANY, WITHOUT_INBOX, explore};

/// A setting to follow in every order.
#[derive(Debug, Clone)]
pub struct Bound {
    /// What the world begins with.
    pub setting: Setting,
    /// How often a call may be made.
    pub attempts: u8,
}

/// A bound and what was found within it, as one line.
#[derive(Debug)]
pub struct Report {
    bound: Bound,
    /// What was found.
    pub explored: Explored,
    seconds: f32,
}

const GOOD: Story =
    Story { card: Card::Approved, address: Destination::Served, cancelled: true, dispatched: true, late: true };
/// Neither people nor the clock interfere.
const UNDISTURBED: Story = Story { cancelled: false, dispatched: false, late: false, ..GOOD };

/// Every story of one order, with customer, clerk and clock at any moment, and without the help of an inbox.
pub fn of_one_order(guarantees: Guarantees, attempts: u8) -> Vec<Bound> {
    let stories = [
        (GOOD, 1),
        (Story { address: Destination::Refused, ..GOOD }, 1),
        (Story { address: Destination::Silent, ..GOOD }, 1),
        (Story { card: Card::Declined, ..GOOD }, 1),
        (Story { card: Card::Silent, ..GOOD }, 1),
        (GOOD, 0),
    ];
    let bound = |(story, mugs)| Bound { setting: Setting { stories: vec![story], mugs, guarantees }, attempts };
    stories.map(bound).to_vec()
}

/// Two orders that compete for the last unit.
fn of_two_orders(first: Story, second: Story) -> Bound {
    Bound { setting: Setting { stories: vec![first, second], mugs: 1, guarantees: PRODUCTION }, attempts: 1 }
}

/// What the tests follow.
pub fn standard() -> Vec<Bound> {
    let mut bounds = of_one_order(WITHOUT_INBOX, 1);
    bounds.push(of_two_orders(UNDISTURBED, UNDISTURBED));
    bounds.push(of_two_orders(UNDISTURBED, Story { card: Card::Declined, ..UNDISTURBED }));
    bounds
}

/// What takes minutes and gigabytes.
pub fn deep() -> Vec<Bound> {
    let mut bounds = of_one_order(WITHOUT_ANY, 2);
    bounds.push(of_two_orders(UNDISTURBED, Story { address: Destination::Refused, ..UNDISTURBED }));
    bounds.push(of_two_orders(UNDISTURBED, Story { cancelled: true, ..UNDISTURBED }));
    bounds
}

impl Bound {
    /// Follows every schedule within the bound.
    ///
    /// # Errors
    /// As [`explore`].
    pub fn explore(self) -> Result<Report, String> {
        let started = Instant::now();
        let explored = explore(self.setting.clone(), self.attempts)?;
        Ok(Report { bound: self, explored, seconds: started.elapsed().as_secs_f32() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound: Bound { setting, attempts }, explored, seconds } = self;
        let (worlds, depth) = (explored.worlds, explored.depth);
        write!(f, "{worlds:>9} worlds, {depth:>3} steps deep, {seconds:>6.1} s: {} in stock", setting.mugs)?;
        for story in &setting.stories {
            write!(f, ", {story}")?;
        }
        let Guarantees { inbox, order_within_topic } = setting.guarantees;
        write!(f, "; inbox {inbox}, order within topic {order_within_topic}, calls made up to {attempts} times")
    }
}
