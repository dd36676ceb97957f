//! `sagactl orders list`

use anyhow::Result;
use catalog::ServiceName;
use clap::Args;
use serde::Deserialize;

use super::summary::{OrderSummary, amount};
use crate::{exit::ExitStatus, output::TableRow, settings::Settings};

/// Maximum page size of the order service.
const PAGE_MAX: usize = 200;

#[derive(Args)]
pub(crate) struct ListOrders {
    /// Only orders with this status: `placed`, `stock_reserved`, `paid`, `stock_committed`, `confirmed`, `dispatched`,
    /// `cancelling` or `cancelled`
    #[arg(long)]
    status: Option<String>,
    /// Maximum number of orders
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

#[derive(Deserialize)]
struct OrderPage {
    orders: Vec<OrderSummary>,
    #[serde(default)]
    next: Option<String>,
}

impl TableRow for OrderSummary {
    const HEADER: &'static [&'static str] = &["order", "placed", "status", "reason", "customer", "total"];
    const NUMBERS: &'static [usize] = &[5];

    fn cells(&self) -> Vec<String> {
        let placed = self.placed_at.split_once('.').map_or(self.placed_at.as_str(), |(seconds, _)| seconds);
        let reason = self.reason.clone().unwrap_or_default();
        let (id, total) = (self.id.clone(), amount(self.total));
        vec![id, placed.replace('T', " "), self.status.clone(), reason, self.customer.clone(), total]
    }
}

impl ListOrders {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let client = settings.client(ServiceName::Order);
        let mut orders = Vec::new();
        let mut cursor: Option<String> = None;
        while orders.len() < self.limit {
            let limit = PAGE_MAX.min(self.limit - orders.len()).to_string();
            let status = self.status.as_deref().map(|status| ("status", status));
            let cursor_before = cursor.as_deref().map(|cursor| ("cursor", cursor));
            let parameters: Vec<_> =
                [("limit", limit.as_str())].into_iter().chain(status).chain(cursor_before).collect();
            let page: OrderPage = client.query("/orders", &parameters)?;
            orders.extend(page.orders);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        settings.output.rows(&orders, "no orders")?;
        Ok(ExitStatus::Success)
    }
}
