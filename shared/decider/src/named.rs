//! Names of variants.

/// An enum whose variants have names. Implemented for every enum that derives `strum::IntoStaticStr`.
pub trait Named {
    /// Name of the variant.
    fn name(&self) -> &'static str;
}

impl<T> Named for T
where
    for<'a> &'a T: Into<&'static str>,
{
    fn name(&self) -> &'static str {
        self.into()
    }
}
