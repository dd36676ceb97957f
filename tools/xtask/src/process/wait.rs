//! Polling of a condition with a short backoff, until a deadline.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Result of one check of a condition.
#[derive(Debug)]
pub enum Poll<T> {
    /// The condition holds.
    Ready(T),
    /// The condition does not hold; the text is the observed value.
    Pending(String),
}

/// Polls until `look` returns [`Poll::Ready`], for at most `within`.
///
/// # Errors
/// `look` fails, which ends the wait at once; or the time is over. That error names the condition and the last observed
/// value.
pub fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<Poll<T>>) -> Result<T> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let seen = match look()? {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending(seen) => seen,
        };
        let left = within.saturating_sub(started.elapsed());
        if left.is_zero() {
            bail!("waited {} s for {what}; last seen: {seen}", within.as_secs_f32());
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Polls until `look` returns `Ok`, for at most `within`; its `Err` is the observed value.
///
/// # Errors
/// The time is over: names the awaited condition and the last observed value.
pub fn wait_until<T, S: Display>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> std::result::Result<T, S>,
) -> Result<T> {
    wait_for(what, within, || {
        Ok(match look() {
            Ok(value) => Poll::Ready(value),
            Err(seen) => Poll::Pending(seen.to_string()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_until_returns_the_value_when_condition_holds() {
        let mut looks = 0;
        let met = wait_until("three looks", Duration::from_secs(5), || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(met.expect("met"), 3);
    }

    #[test]
    fn error_names_the_condition_and_the_last_observed_value() {
        let error = wait_until::<(), _>("order 7", Duration::from_millis(5), || Err("status placed"));
        let text = error.expect_err("never met").to_string();
        assert!(text.contains("for order 7; last seen: status placed"), "{text}");
    }

    #[test]
    fn wait_ends_when_the_check_fails() {
        let started = Instant::now();
        let ended = wait_for::<()>("anything", Duration::from_mins(1), || bail!("it died"));
        assert_eq!(ended.expect_err("hopeless").to_string(), "it died");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
