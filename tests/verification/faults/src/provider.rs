//! A provider whose caller crashes around a call.

use std::sync::Arc;

use async_trait::async_trait;
use decider::Service;
use runtime::{CallError, CallInfo, ProviderClient};

use crate::{faults::Faults, point::Point};

pub(crate) struct FaultyProvider<S: Service> {
    pub(crate) inner: Arc<dyn ProviderClient<S>>,
    pub(crate) faults: Arc<Faults>,
}

#[async_trait]
impl<S: Service> ProviderClient<S> for FaultyProvider<S> {
    fn describe(&self, intent: &S::Intent) -> CallInfo {
        self.inner.describe(intent)
    }

    async fn call(&self, intent: &S::Intent) -> Result<S::Command, CallError> {
        let operation = [self.describe(intent).operation.to_owned()];
        self.faults.point(Point::BeforeCall, &operation);
        let response = self.inner.call(intent).await;
        self.faults.point(Point::AfterCall, &operation);
        response
    }
}
