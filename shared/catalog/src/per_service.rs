//! One value for each service.

use std::ops::{Index, IndexMut};

use crate::ServiceName;

/// A map with a value for every service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerService<T>(Vec<T>);

impl<T> PerService<T> {
    /// The value that `make` returns for each service, in the order of [`ServiceName::all`].
    pub fn new(make: impl FnMut(ServiceName) -> T) -> Self {
        Self(ServiceName::all().map(make).collect())
    }

    /// Like [`PerService::new`], for a function that can fail.
    ///
    /// # Errors
    /// The first error that `make` returns.
    pub fn try_new<E>(make: impl FnMut(ServiceName) -> Result<T, E>) -> Result<Self, E> {
        ServiceName::all().map(make).collect::<Result<_, E>>().map(Self)
    }

    /// The values with their services.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceName, &T)> {
        ServiceName::all().zip(&self.0)
    }

    /// The values, without their services.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Mutable references to the values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

impl<T: Default> Default for PerService<T> {
    fn default() -> Self {
        Self::new(|_| T::default())
    }
}

impl<T> Index<ServiceName> for PerService<T> {
    type Output = T;

    fn index(&self, service: ServiceName) -> &T {
        &self.0[service as usize]
    }
}

impl<T> IndexMut<ServiceName> for PerService<T> {
    fn index_mut(&mut self, service: ServiceName) -> &mut T {
        &mut self.0[service as usize]
    }
}
