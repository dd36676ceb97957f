//! The values that make one service differ from another.

use std::sync::Arc;

use axum::Router;
use decider::Service;
use utoipa::openapi::OpenApi;

use crate::{
    call::ProviderClient,
    http::App,
    service::{config::Config, environment::Variable},
};

/// The values that make one service differ from another.
pub struct ServiceDefinition<S: Service> {
    /// One sentence about the service, for `--help`.
    pub about: &'static str,
    /// Default HTTP port, on the loopback interface.
    pub port: u16,
    /// Environment variables that only this service reads.
    pub variables: Vec<Variable>,
    pub provider: fn(&Config) -> anyhow::Result<Arc<dyn ProviderClient<S>>>,
    pub api: fn(App<S>, &Config) -> anyhow::Result<Api>,
}

/// The HTTP API of a service.
pub struct Api {
    pub routes: Router,
    pub description: OpenApi,
}
