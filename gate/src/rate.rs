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
    /// What may be taken ahead beyond that, for each step of precedence.
    step: u64,
}

/// Who may take from an allowance that the others have used up: each step has a reserve that those
/// below cannot touch. In the long run all of them together get no more than the limit.
pub type Precedence = u64;

/// The highest.
pub const HIGHEST: Precedence = 3;

impl Limit {
    /// `rate` above 0 per second, `burst` of 1 or more at once.
    pub fn new(rate: f64, burst: u32) -> Self {
        let distance = (SECOND / rate).clamp(1.0, 3600.0 * SECOND) as u64;
        // Centuries are as good as no end, and leave room for sums.
        let ahead = distance.saturating_mul(u64::from(burst.max(1) - 1)).min(u64::MAX / 8);
        Limit { distance, ahead, step: (ahead / 8).max(distance) }
    }

    /// One of so many equal parts of it.
    pub fn part(self, of: u64) -> Limit {
        let distance = self.distance.saturating_mul(of);
        // The same length of time, in which so many fewer are taken.
        Limit { distance, ..self }
    }

    fn ahead(self, precedence: Precedence) -> u64 {
        self.ahead + self.step * precedence
    }
}

/// What came of taking one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was taken, as the first of an allowance that was whole.
    First,
    /// It was taken.
    Another,
    /// There was none left.
    None,
}

impl Taken {
    /// Whether there was one left.
    pub fn is_some(self) -> bool {
        self != Taken::None
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
        self.take_before(limit, 0, now).is_some()
    }

    /// Takes one, if the limit has one left for those of some precedence.
    pub fn take_before(&self, limit: Limit, precedence: Precedence, now: Nanos) -> Taken {
        let mut whole_at = self.0.load(Relaxed);
        loop {
            // Used up is as much as can be taken: more is left of a limit that was lower, or of a
            // clock that was later, and would last as long.
            let used_up = now + limit.ahead(HIGHEST) + limit.distance;
            let from = whole_at.clamp(now, used_up);
            let left = from - now <= limit.ahead(precedence);
            if !left && from == whole_at {
                return Taken::None;
            }
            let then = if left { from + limit.distance } else { used_up };
            match self.0.compare_exchange_weak(whole_at, then, Relaxed, Relaxed) {
                Ok(_) if !left => return Taken::None,
                Ok(_) if from == now => return Taken::First,
                Ok(_) => return Taken::Another,
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
    fn who_has_precedence_is_served_first_and_all_together_get_no_more() {
        for (rate, burst) in [(500.0, 1000), (10.0, 5), (1.0, 1), (0.5, 3)] {
            let (limiter, limit) = (RateLimiter::default(), Limit::new(rate, burst));
            let step = (SECOND / rate / 10.0) as u64;
            let (mut low, mut high) = (0, 0);
            let rounds = 10_000;
            for round in 0..rounds {
                let now = S + round * step;
                low += taken(&limiter, limit, now, 5);
                // A quarter of the rate.
                if round % 40 == 0 && round > 0 {
                    assert!(limiter.take_before(limit, 1, now).is_some(), "{rate} {burst} {round}");
                    high += 1;
                }
            }
            let all = (rounds / 10) as usize + burst as usize;
            let reserve = (burst as usize / 8).max(1);
            assert!((all - 2..=all + reserve + 1).contains(&(low + high)), "{low} + {high}, {all}");
        }
    }

    #[test]
    fn a_part_is_as_much_less_at_once_and_in_the_long_run() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(100.0, 40).part(4));
        assert_eq!(taken(&limiter, limit, S, 100), 10);
        assert_eq!(taken(&limiter, limit, 11 * S, 100), 10);
        let steady: usize =
            (1..=1000).map(|i| taken(&limiter, limit, 11 * S + i * S / 100, 9)).sum();
        assert_eq!(steady, 250);
    }

    #[test]
    fn an_allowance_that_was_whole_says_so() {
        let (limiter, limit) = (RateLimiter::default(), Limit::new(10.0, 2));
        let take = |now| limiter.take_before(limit, 0, now);
        assert_eq!((take(S), take(S), take(S)), (Taken::First, Taken::Another, Taken::None));
        assert_eq!((take(S + S / 10), take(2 * S)), (Taken::Another, Taken::First));
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
