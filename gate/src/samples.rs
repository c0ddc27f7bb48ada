//! Which rejections are logged: of each rule one now and then, with the number that was suppressed.

use crate::rules::Rule;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Per rule, when it was last logged and how many were suppressed since.
#[derive(Default)]
pub struct Samples {
    rules: [Last; Rule::ALL.len()],
}

#[derive(Default)]
struct Last {
    logged: AtomicU64,
    suppressed: AtomicU64,
}

impl Samples {
    /// Whether a rejection is to be logged, and if so how many were suppressed since the last. At most one
    /// in `every` seconds for each rule. Seconds count from 1.
    pub fn log(&self, rule: Rule, now: u64, every: u64) -> Option<u64> {
        let last = &self.rules[rule as usize];
        let logged = last.logged.load(Relaxed);
        let due = logged == 0 || now.saturating_sub(logged) >= every.max(1);
        if due && last.logged.compare_exchange(logged, now, Relaxed, Relaxed).is_ok() {
            Some(last.suppressed.swap(0, Relaxed))
        } else {
            last.suppressed.fetch_add(1, Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_now_and_then_and_how_many_between() {
        let samples = Samples::default();
        assert_eq!(samples.log(Rule::Size, 1, 10), Some(0));
        assert_eq!(samples.log(Rule::Pattern, 1, 10), Some(0), "each rule for itself");
        for second in 1..=10 {
            assert_eq!(samples.log(Rule::Size, second, 10), None);
        }
        assert_eq!(samples.log(Rule::Size, 11, 10), Some(10));
        assert_eq!(samples.log(Rule::Size, 11, 0), None, "never more than one a second");
        assert_eq!(samples.log(Rule::Size, 30, 10), Some(1), "logged ones are not counted again");
    }
}
