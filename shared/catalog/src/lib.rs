#![doc = include_str!("../README.md")]

mod per_service;

pub use per_service::PerService;

/// Declares the services. One line each:
/// `Variant "name" port [owns "topic"] [shows "resource"] [calls "provider" (ledger "file")]`.
macro_rules! services {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $port:literal $(owns $topic:literal)? $(shows $resource:literal)?
        $(calls $peer:literal (ledger $ledger:literal))?;
    )+) => {
        /// Topics of all facts.
        pub const TOPICS: &[&str] = &[$($($topic,)?)+];

        /// A service of this suite.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ServiceName {
            $($(#[$doc])* $variant,)+
        }

        impl ServiceName {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name of the service's folder, package, binary and consumer group, and of its `CloudEvents` source.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Default port of the service on a developer's machine.
            pub const fn port(self) -> u16 {
                match self { $(Self::$variant => $port,)+ }
            }

            /// The topic that only this service writes facts to. `None` for a reader, which owns no topic, joins no
            /// consumer group and reads all partitions of its topics.
            pub const fn topic(self) -> Option<&'static str> {
                match self { $(Self::$variant => services!(@optional $($topic)?),)+ }
            }

            /// Collection in the HTTP API that has one resource per order: the service's view of it.
            pub const fn resource(self) -> Option<&'static str> {
                match self { $(Self::$variant => services!(@optional $($resource)?),)+ }
            }

            /// The external provider that the service calls, if any.
            pub const fn provider(self) -> Option<Provider> {
                match self { $(Self::$variant => services!(@provider $($peer $ledger)?),)+ }
            }
        }
    };
    (@optional) => { None };
    (@optional $value:literal) => { Some($value) };
    (@provider) => { None };
    (@provider $peer:literal $ledger:literal) => { Some(Provider { name: $peer, ledger: $ledger }) };
}

services! {
    /// Accepts orders and decides on their outcome.
    Order "order" 8080 owns "order.events" shows "orders";
    /// Counts the stock and reserves it for orders.
    Inventory "inventory" 8081 owns "inventory.events" shows "reservations";
    /// Charges and refunds through the payment gateway.
    Payment "payment" 8082 owns "payment.events" shows "payments" calls "payment-gateway" (ledger "gateway.db");
    /// Books shipments with the carrier; decides whether an order can still be cancelled.
    Shipping "shipping" 8083 owns "shipping.events" shows "shipments" calls "carrier" (ledger "carrier.db");
}

/// Passes the services that own a topic to the macro `$then`, as `Variant module EventEnum;` for each.
#[macro_export]
macro_rules! for_each_owner {
    ($then:ident) => {
        $then! {
            Order order OrderEvent;
            Inventory inventory InventoryEvent;
            Payment payment PaymentEvent;
            Shipping shipping ShippingEvent;
        }
    };
}

/// An external system that a service calls. In this suite, a simulator with its own ledger replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// Name in traces and metrics.
    pub name: &'static str,
    /// File name of the simulator's ledger, an SQLite database.
    pub ledger: &'static str,
}

impl ServiceName {
    /// All services, in the sequence in which the saga involves them.
    pub fn all() -> std::iter::Copied<std::slice::Iter<'static, Self>> {
        Self::ALL.iter().copied()
    }

    /// The service of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|service| service.name() == name)
    }

    /// The service that writes facts to this topic.
    pub fn owner_of(topic: &str) -> Option<Self> {
        Self::all().find(|service| service.topic() == Some(topic))
    }

    /// Services that own a topic, each with its topic.
    pub fn owners() -> impl Iterator<Item = (Self, &'static str)> {
        Self::all().filter_map(|service| Some((service, service.topic()?)))
    }

    /// Returns true if the service owns no topic and only reads.
    pub fn is_reader(self) -> bool {
        self.topic().is_none()
    }
}

impl std::fmt::Display for ServiceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ports_and_topics_are_unique() {
        let unique = |values: Vec<String>| {
            let distinct: std::collections::BTreeSet<_> = values.iter().collect();
            assert_eq!(distinct.len(), values.len(), "{values:?}");
        };
        unique(ServiceName::all().map(|service| service.name().to_owned()).collect());
        unique(ServiceName::all().map(|service| service.port().to_string()).collect());
        unique(TOPICS.iter().map(|topic| (*topic).to_owned()).collect());
    }

    macro_rules! owner_names {
        ($($variant:ident $module:ident $event:ident;)+) => {
            const LISTED: &[(ServiceName, &str)] = &[$((ServiceName::$variant, stringify!($module))),+];
        };
    }
    for_each_owner!(owner_names);

    #[test]
    fn for_each_owner_lists_the_owners_by_name() {
        let owners: Vec<_> = ServiceName::owners().map(|(service, _)| (service, service.name())).collect();
        assert_eq!(LISTED, owners);
    }
}
