//! Environment variables: their source and their declarations.

use std::{fmt, str::FromStr};

/// The source of environment variables; a map in tests.
pub trait Environment {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<String>;
    /// The names of all variables.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// A variable that a service reads.
#[derive(Debug, Clone)]
pub struct Variable {
    pub name: &'static str,
    pub default: String,
    /// Meaning and unit, for `--help`.
    pub meaning: &'static str,
    /// Returns the reason why a value is invalid.
    pub(super) check: fn(&str) -> Result<(), String>,
}

impl Variable {
    /// Declares a variable with any text as its value.
    pub fn new(name: &'static str, default: impl Into<String>, meaning: &'static str) -> Self {
        Self { name, default: default.into(), meaning, check: |_| Ok(()) }
    }

    /// Declares a variable whose value must parse as `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(
        name: &'static str,
        default: impl Into<String>,
        meaning: &'static str,
    ) -> Self {
        let check = |value: &str| value.parse::<T>().map(drop).map_err(|error| error.to_string());
        Self { check, ..Self::new(name, default, meaning) }
    }

    /// The value that the environment sets, or the default.
    pub(super) fn value(&self, environment: &dyn Environment) -> String {
        environment.get(self.name).unwrap_or_else(|| self.default.clone())
    }
}
