//! Which rejections are told in the log: of each rule one now and then, and how many were not told.

use crate::rules::Rule;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Per rule, when it was last told of and how often it was not since.
#[derive(Default)]
pub struct Samples {
    rules: [Last; Rule::ALL.len()],
}

#[derive(Default)]
struct Last {
    told: AtomicU64,
    untold: AtomicU64,
}

impl Samples {
    /// Whether a rejection is to be told, and if so how many were not since the last. At most one
    /// in `every` seconds for each rule. Seconds count from 1.
    pub fn tell(&self, rule: Rule, now: u64, every: u64) -> Option<u64> {
        let last = &self.rules[rule as usize];
        let told = last.told.load(Relaxed);
        let due = told == 0 || now.saturating_sub(told) >= every.max(1);
        if due && last.told.compare_exchange(told, now, Relaxed, Relaxed).is_ok() {
            Some(last.untold.swap(0, Relaxed))
        } else {
            last.untold.fetch_add(1, Relaxed);
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
        assert_eq!(samples.tell(Rule::Size, 1, 10), Some(0));
        assert_eq!(samples.tell(Rule::Pattern, 1, 10), Some(0), "each rule for itself");
        for second in 1..=10 {
            assert_eq!(samples.tell(Rule::Size, second, 10), None);
        }
        assert_eq!(samples.tell(Rule::Size, 11, 10), Some(10));
        assert_eq!(samples.tell(Rule::Size, 11, 0), None, "never more than one a second");
        assert_eq!(samples.tell(Rule::Size, 30, 10), Some(1), "told ones are not told again");
    }
}
