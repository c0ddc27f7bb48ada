//! How a client earns its place among those who are known, and who is forgotten when there is no
//! room: pure rules, on which memory and clock have no say.
//!
//! A datagram is cheap to make up, and so are two from the same made-up sender. Time is not: whoever
//! wants standing must come back, and whoever was here before always has more of it.

/// Whole seconds since some beginning, from 1 on.
pub type Seconds = u64;

/// In how many different periods a client must have sent.
const VISITS: u64 = 3;

/// How many seconds a period has.
const PERIOD: Seconds = 10;

/// The least time between its first datagram and its last.
const EARNED_AFTER: Seconds = 20;

/// Two datagrams so far apart will do: a client that is mostly silent has no more to show.
const EARNED_BY_TWO: Seconds = 60;

/// How many of a set's clients without standing a newcomer may push out: the youngest.
const NEWCOMERS: usize = 4;

/// A third of a century: enough for a machine that is never started anew, and room for the rest.
const LATEST: Seconds = (1 << 30) - 1;

/// What is remembered of a client's time here. It fits one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When it first sent.
    since: Seconds,
    /// When it last did.
    last: Seconds,
    /// In how many periods, as far as that counts.
    visits: u64,
}

impl Standing {
    /// A client has sent its first datagram.
    pub fn begun(now: Seconds) -> Standing {
        let now = now.min(LATEST);
        Standing { since: now, last: now, visits: 1 }
    }

    /// The same client has sent again. `vouched` says that a server has let it in, as far as its
    /// token can be trusted: it may be a copy, so time must go by all the same.
    #[must_use]
    pub fn again(self, now: Seconds, vouched: impl FnOnce() -> bool) -> Standing {
        // Another worker's clock may be a moment behind.
        let last = now.min(LATEST).max(self.last);
        let another = u64::from(last / PERIOD != self.last / PERIOD);
        let visits = if self.visits < VISITS && vouched() { VISITS } else { self.visits + another };
        Standing { last, visits: visits.min(VISITS), ..self }
    }

    /// Whether it sent within the last `kept` seconds.
    pub fn is_known(self, now: Seconds, kept: Seconds) -> bool {
        now.min(LATEST).saturating_sub(self.last) <= kept
    }

    /// Whether it has earned a place that no newcomer can take.
    pub fn is_earned(self) -> bool {
        let time = self.last - self.since;
        (self.visits >= VISITS && time >= EARNED_AFTER) || time >= EARNED_BY_TWO
    }

    /// Whether it was here before some time.
    pub fn is_older_than(self, time: Seconds) -> bool {
        self.since < time
    }

    /// Whether it has sent in this second already, so that there is nothing to write down.
    pub(crate) fn is_of(self, now: Seconds) -> bool {
        self.last >= now.min(LATEST)
    }

    pub(crate) fn word(self) -> u64 {
        self.visits << 62 | self.since << 32 | self.last
    }

    /// What a word says; `None` if it is nobody's.
    pub(crate) fn of(word: u64) -> Option<Standing> {
        let (since, last, visits) = (word >> 32 & LATEST, word & 0xffff_ffff, word >> 62);
        // Modules before this one wrote down the last time only.
        let since = if since == 0 { last } else { since };
        (last > 0 && since <= last).then_some(Standing { since, last, visits })
    }

    /// Those with the most to lose first: the ones who have earned their place, and the oldest.
    fn rank(self) -> (bool, Seconds, Seconds) {
        (!self.is_earned(), self.since, LATEST.saturating_sub(self.last))
    }
}

/// Who has to go for a newcomer: the place of one of a set's clients, and what he had. The set is
/// full.
///
/// Clients who have earned their place stay, whoever comes; of those who have not, the four youngest
/// make room for one another, the one that was silent longest first, so that the others, who were
/// here before, have the time to earn it. One place is never anybody's for good, or nobody could begin.
pub(crate) fn least<const N: usize>(set: [Standing; N]) -> (usize, Standing) {
    let mut order: [usize; N] = std::array::from_fn(|place| place);
    order.sort_unstable_by_key(|place| set[*place].rank());
    let without = set.iter().filter(|standing| !standing.is_earned()).count();
    let may_go = &order[N - without.clamp(1, NEWCOMERS)..];
    let place = may_go.iter().min_by_key(|place| set[**place].last).expect("there is one");
    (*place, set[*place])
}

/// Which of two that may have to go has less to lose.
pub(crate) fn lesser(one: Standing, other: Standing) -> bool {
    match (one.is_earned(), other.is_earned()) {
        (false, false) => one.last <= other.last,
        (true, true) => one.since >= other.since,
        (earned, _) => !earned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: &[Seconds]) -> Standing {
        let begun = Standing::begun(times[0]);
        times[1..].iter().fold(begun, |standing, now| standing.again(*now, || false))
    }

    #[test]
    fn standing_takes_time_and_not_datagrams() {
        for (times, earned) in [
            (&[100][..], false),
            (&[100, 101], false),
            (&[100, 101, 102, 103, 104, 105, 106, 107, 108, 109], false),
            (&[109, 110, 120], false),
            (&[100, 105, 110, 115], false),
            (&[100, 110, 120], true),
            (&[100, 105, 110, 115, 120], true),
            (&[100, 130], false),
            (&[100, 120, 121], false),
            (&[100, 159], false),
            (&[100, 160], true),
            (&[100, 700], true),
        ] {
            assert_eq!(after(times).is_earned(), earned, "{times:?}");
        }
        let once = after(&[100, 160]);
        assert!(once.again(5_000, || false).is_earned(), "once earned, it stays");
    }

    #[test]
    fn a_token_spares_it_datagrams_and_not_the_time() {
        let vouched = Standing::begun(100).again(101, || true);
        assert!(!vouched.is_earned());
        assert!(!vouched.again(119, || false).is_earned());
        assert!(vouched.again(120, || false).is_earned());
    }

    #[test]
    fn it_is_known_for_a_while() {
        let standing = after(&[100, 130]);
        assert!(standing.is_known(130, 60) && standing.is_known(190, 60));
        assert!(!standing.is_known(191, 60));
        assert!(standing.is_known(120, 60), "by a clock that is behind");
        assert_eq!(standing.again(120, || false).last, 130);
        assert!(standing.is_older_than(101) && !standing.is_older_than(100));
    }

    #[test]
    fn a_word_holds_all_of_it() {
        assert_eq!(Standing::of(0), None);
        for standing in [after(&[1]), after(&[100, 110, 120]), after(&[7, LATEST + 9])] {
            assert_eq!(Standing::of(standing.word()), Some(standing));
        }
        assert_eq!(Standing::of(200 << 32 | 100), None, "no client was ever like this");
        let before = Standing::of(1 << 63 | 100).expect("who came back, by an earlier module");
        assert!(before.is_known(110, 60) && !before.is_earned() && !before.is_older_than(100));
        assert!(before.again(120, || false).is_earned());
    }

    #[test]
    fn newcomers_push_out_one_another() {
        let earned = |since| after(&[since, since + 60]);
        let set = [earned(1), earned(9), after(&[50]), after(&[60]), after(&[55, 70]), earned(2)];
        assert_eq!(least(set), (2, after(&[50])), "the one that was silent longest");
        let set = [1, 2, 3, 4, 5, 6].map(|since| after(&[since]));
        assert_eq!(least(set).0, 2, "the two who were here first have time");
        let set = [earned(5), earned(9), earned(2)];
        assert_eq!(least(set).0, 1, "one place is nobody's for good");
        let set = [earned(5), after(&[9, 69]), earned(2), after(&[1])];
        assert_eq!(least(set).0, 3, "standing before age");
    }

    #[test]
    fn of_two_that_may_go_the_one_with_less_to_lose_goes() {
        let (old, young) = (after(&[1, 100]), after(&[30, 90]));
        assert!(lesser(young, old) && !lesser(old, young));
        let (silent, talking) = (after(&[80]), after(&[70, 81]));
        assert!(lesser(silent, talking) && !lesser(talking, silent));
        assert!(lesser(talking, young) && !lesser(young, talking));
    }
}
