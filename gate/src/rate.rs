//! A rate limit in one machine word.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Nanoseconds since some beginning. Never zero, which means "never".
pub type Nanos = u64;

const SECOND: f64 = 1e9;

/// So much per second in the long run, and so much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    distance: u64,
    ahead: u64,
}

impl Limit {
    /// `rate` above 0 per second, `burst` of 1 or more at once.
    pub fn new(rate: f64, burst: u32) -> Self {
        let distance = (SECOND / rate).clamp(1.0, 3600.0 * SECOND) as u64;
        // Centuries are as good as no end, and leave room for sums.
        let ahead = distance.saturating_mul(u64::from(burst.max(1) - 1)).min(u64::MAX / 4);
        Limit { distance, ahead }
    }
}

/// How far the allowance is used up: the time at which it will be whole again. Any number of
/// threads take from it without waiting for one another.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct RateLimiter(AtomicU64);

impl RateLimiter {
    /// Takes one, if the limit has one left.
    pub fn take(&self, limit: Limit, now: Nanos) -> bool {
        let mut whole_at = self.0.load(Relaxed);
        loop {
            // Used up is as much as can be taken: more is left of a limit that was lower, or of a
            // clock that was later, and would last as long.
            let used_up = now + limit.ahead + limit.distance;
            let from = whole_at.clamp(now, used_up);
            let left = from - now <= limit.ahead;
            if !left && from == whole_at {
                return false;
            }
            let then = if left { from + limit.distance } else { used_up };
            match self.0.compare_exchange_weak(whole_at, then, Relaxed, Relaxed) {
                Ok(_) => return left,
                Err(seen) => whole_at = seen,
            }
        }
    }

    /// When the allowance will be whole again; 0 if it always was.
    pub fn whole_at(&self) -> Nanos {
        self.0.load(Relaxed)
    }

    /// Forgets what was taken.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn taken(limiter: &RateLimiter, limit: Limit, now: u64, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.take(limit, now)).count()
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(10.0, 5));
        assert_eq!(taken(&limiter, limit, S, 100), 5);
        assert_eq!(taken(&limiter, limit, S + S / 10 - 1, 100), 0);
        assert_eq!(taken(&limiter, limit, S + S / 10, 100), 1);
        assert_eq!(taken(&limiter, limit, 2 * S, 100), 5, "never more than the burst");
        let steady: usize =
            (1..=100).map(|i| taken(&limiter, limit, 100 * S + i * S / 10, 9)).sum();
        assert_eq!(steady, 100 + 4, "10 s at 10 a second, and what was saved up");
    }

    #[test]
    fn a_burst_of_one() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(1000.0, 1));
        assert_eq!(taken(&limiter, limit, S, 9), 1);
        assert_eq!(taken(&limiter, limit, S + S / 1000, 9), 1);
    }

    #[test]
    fn less_than_one_a_second() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(0.1, 1));
        assert_eq!(taken(&limiter, limit, S, 9), 1);
        assert_eq!(taken(&limiter, limit, 10 * S, 9), 0);
        assert_eq!(taken(&limiter, limit, 11 * S, 9), 1);
    }

    #[test]
    fn what_is_left_of_another_limit_or_clock_lasts_no_longer_than_this_one() {
        let (limiter, hourly) = (RateLimiter::default(), Limit::new(1.0 / 3600.0, 100));
        assert_eq!(taken(&limiter, hourly, S, 200), 100);
        let limit = Limit::new(10.0, 5);
        assert_eq!(taken(&limiter, limit, S, 100), 0, "what is taken stays taken");
        assert_eq!(taken(&limiter, limit, 2 * S, 100), 5, "a second later, and not four days");
        let limiter = RateLimiter(AtomicU64::new(u64::MAX));
        assert_eq!(taken(&limiter, limit, S, 100), 0);
        assert_eq!(taken(&limiter, limit, 2 * S, 100), 5);
    }

    #[test]
    fn as_much_as_can_be_said_is_as_good_as_no_limit() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(1e-9, u32::MAX));
        assert_eq!(taken(&limiter, limit, S, 1000), 1000);
    }

    #[test]
    fn threads_together_take_no_more_than_the_limit() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(1.0, 1000));
        let sum: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| taken(&limiter, limit, S, 1000))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sum, 1000);
    }
}
