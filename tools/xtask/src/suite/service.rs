//! The four services.

/// One of the four services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Accepts orders and knows how they stand.
    Order,
    /// Owns the stock.
    Inventory,
    /// Owns the charges.
    Payment,
    /// Owns the shipments.
    Shipping,
}

impl Service {
    /// All four, in the order of the saga.
    pub const fn all() -> [Self; 4] {
        [Self::Order, Self::Inventory, Self::Payment, Self::Shipping]
    }

    /// The name of its binary, its database and its log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
        }
    }

    /// The port it has by default: 8080 to 8083.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Order => 8080,
            Self::Inventory => 8081,
            Self::Payment => 8082,
            Self::Shipping => 8083,
        }
    }

    /// The name of the ledger that the simulator of its outside provider keeps, if it has one.
    pub(super) const fn provider(self) -> Option<&'static str> {
        match self {
            Self::Payment => Some("gateway"),
            Self::Shipping => Some("carrier"),
            Self::Order | Self::Inventory => None,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
