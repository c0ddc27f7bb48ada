//! The decision about one datagram, and what outlives a change of rules.

use crate::directory::{Directory, Places, Server, State};
use crate::homes::Homes;
use crate::known::{Forgot, Known};
use crate::network::source_of;
use crate::packet::Datagram;
use crate::rate::{Limit, Nanos, RateLimiter};
use crate::rules::{Length, Rule, Rules};
use crate::samples::Samples;
use crate::shared::Keep;
use crate::sources::{Applicant, Sources, What};
use crate::standing::Standing;
use crate::token::Found;
use arc_swap::ArcSwapOption;
use std::net::IpAddr;
use std::sync::Arc;

/// In nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// The gate of one service. Workers read the rules in force without waiting for one another, or for
/// a change.
#[derive(Default)]
pub struct Gate {
    /// What is in force; nothing before the first rules came.
    pub in_force: ArcSwapOption<InForce>,
    /// The servers by their tokens, where the module chooses them.
    pub directory: ArcSwapOption<Directory>,
    /// What was logged.
    pub samples: Samples,
    /// Where tables are kept that outlive this process.
    keep: Keep,
}

/// Rules, and the tables that they count with.
pub struct InForce {
    /// The rules.
    pub rules: Rules,
    known: Arc<Known>,
    /// The table before the last change of its size: who is in it is still known.
    known_before: Option<Arc<Known>>,
    sources: Arc<Sources>,
    sessions: Arc<RateLimiter>,
    /// The servers of clients without a token, where each datagram is routed anew.
    pub homes: Option<Arc<Homes>>,
}

/// Why a datagram is rejected, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Which of several of that kind: patterns and lengths are counted from 0.
    pub number: usize,
}

/// What happened on the way to a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decision {
    /// The datagram is rejected.
    pub rejected: Option<Violation>,
    /// The datagram would be, by a rule that only counts.
    pub would_be: Option<Violation>,
    /// A client that had earned its place was forgotten for this one, since the table is full.
    pub forgot_client: bool,
    /// The same of one that had yet to earn it.
    pub forgot_newcomer: bool,
    /// A source that had used up an allowance was forgotten for this one, since the table is full.
    pub forgot_source: bool,
}

impl Gate {
    /// A gate whose tables of clients are kept somewhere.
    pub fn keeping(keep: Keep) -> Gate {
        Gate { keep, ..Gate::default() }
    }

    /// Puts other rules in force. Who is known stays known, and what was taken from an allowance
    /// stays taken.
    pub fn change(&self, rules: Rules) {
        self.change_and_tell(rules, |_| {});
    }

    /// The same; `failed` is told if a table cannot be kept beyond this process.
    pub fn change_and_tell(&self, rules: Rules, failed: impl FnMut(String)) {
        let before = self.in_force.load_full();
        let lengths = rules.tokens.lengths();
        let after = InForce::after(before.as_deref(), rules, &self.keep, failed);
        self.in_force.store(Some(Arc::new(after)));
        if let Some(directory) = self.directory.load_full() {
            self.directory.store(Some(Arc::new(directory.with_lengths(&lengths))));
        }
    }

    /// Takes the servers there are now, and returns which they are.
    pub fn serve(&self, servers: Vec<Server>) -> Arc<Places> {
        let lengths = self.in_force.load().as_ref().map(|in_force| in_force.rules.tokens.lengths());
        let directory = Directory::new(servers, &lengths.unwrap_or_default());
        let places = directory.places().clone();
        self.directory.store(Some(Arc::new(directory)));
        places
    }

    /// Takes other states of the servers, which stay the same; false if they do not.
    pub fn serve_again(&self, places: &Arc<Places>, states: Vec<State>) -> bool {
        let now = self.directory.load();
        let Some(now) = now.as_ref().filter(|now| Arc::ptr_eq(now.places(), places)) else {
            return false;
        };
        // Envoy tells several times of one change.
        if now.states() != states {
            self.directory.store(Some(Arc::new(now.with_states(states))));
        }
        true
    }

    /// Whether a token can only be from a server, of those that are here.
    fn vouches_for(&self, found: Found) -> bool {
        let Found::Token(token) = found else { return false };
        token.keyed && self.directory.load().as_ref().is_some_and(|d| d.named(&token).is_some())
    }

    /// Decides about a datagram by the rules in force.
    ///
    /// * `found` is what it says about its server
    pub fn decide(
        &self,
        in_force: &InForce,
        datagram: &Datagram,
        found: Found,
        source: impl FnOnce() -> Option<(IpAddr, u16)>,
        now: impl FnOnce() -> Nanos,
    ) -> Decision {
        in_force.decide(datagram, || self.vouches_for(found), source, now)
    }
}

impl InForce {
    fn after(
        before: Option<&InForce>,
        rules: Rules,
        keep: &Keep,
        mut failed: impl FnMut(String),
    ) -> InForce {
        let known = before.filter(|before| before.rules.known == rules.known);
        let sources = before.filter(|before| before.rules.sources == rules.sources);
        let (known, known_before) = match known {
            Some(same) => (same.known.clone(), same.known_before.clone()),
            None => {
                let (known, kept) = Known::kept(rules.known, keep, &mut failed);
                let before = before.map(|before| before.known.clone());
                (Arc::new(known), before.or(kept.map(Arc::new)))
            }
        };
        InForce {
            known,
            known_before,
            sources: sources.map_or_else(
                || Arc::new(Sources::kept(rules.sources, keep, &mut failed)),
                |before| before.sources.clone(),
            ),
            sessions: before.map_or_else(Arc::default, |before| before.sessions.clone()),
            // Of the size it began with: whoever is in it must stay.
            homes: rules.each_datagram.then(|| {
                let kept = before.and_then(|before| before.homes.clone());
                kept.unwrap_or_else(|| Arc::new(Homes::kept(rules.known, keep, &mut failed)))
            }),
            rules,
        }
    }

    /// Decides about a datagram.
    ///
    /// * `vouched` tells whether a server has let its sender in before, whatever the shields
    /// * `source` tells who sent it, and is asked only if its form is in order; `None` if it has no
    ///   address, which lets it pass
    /// * `now` counts from 1 s on
    pub fn decide(
        &self,
        datagram: &Datagram,
        vouched: impl Fn() -> bool,
        source: impl FnOnce() -> Option<(IpAddr, u16)>,
        now: impl FnOnce() -> Nanos,
    ) -> Decision {
        let mut decision = Decision::default();
        if !self.ends_by_form(datagram, &mut decision) {
            if let Some(sender) = source() {
                self.end_by_source(datagram, &vouched, sender, now(), &mut decision);
            }
        }
        decision
    }

    /// What is wrong with a datagram's form, whoever sent it.
    fn ends_by_form(&self, datagram: &Datagram, decision: &mut Decision) -> bool {
        let rules = &self.rules;
        let size = datagram.size();
        if rules.size.is_some_and(|(min, max)| size < min || size > max)
            && self.ends(decision, Rule::Size, 0)
        {
            return true;
        }
        let unlike = rules.patterns.iter().position(|pattern| !pattern.fits(datagram));
        if unlike.is_some_and(|number| self.ends(decision, Rule::Pattern, number)) {
            return true;
        }
        let untrue = rules.lengths.iter().position(|length| !agrees(length, datagram));
        untrue.is_some_and(|number| self.ends(decision, Rule::Length, number))
    }

    /// Whether its sender may send it, now.
    fn end_by_source(
        &self,
        datagram: &Datagram,
        vouched: &impl Fn() -> bool,
        sender: (IpAddr, u16),
        now: Nanos,
        decision: &mut Decision,
    ) {
        let (address, port) = sender;
        let rules = &self.rules;
        let unwanted = [
            (Rule::Ordered, rules.ordered.contains(address)),
            (Rule::Denied, rules.deny.contains(address)),
            (Rule::NotAllowed, !rules.allow.is_empty() && !rules.allow.contains(address)),
        ];
        for (rule, hit) in unwanted {
            if hit && self.ends(decision, rule, 0) {
                return;
            }
        }
        let packets = rules.source_packets;
        if !self.source_has_left(What::Packet, packets, address, now, decision)
            && !self.has_left_for(sender, vouched, now, decision)
            && self.ends(decision, Rule::SourcePackets, 0)
        {
            return;
        }
        if self.knows(sender, vouched, now) {
            return;
        }
        let first_too_small = rules.first_size.is_some_and(|least| datagram.size() < least);
        let shielded = rules.shields && !vouched();
        for (rule, hit) in [(Rule::Shields, shielded), (Rule::FirstSize, first_too_small)] {
            if hit && self.ends(decision, rule, 0) {
                return;
            }
        }
        let sessions = rules.source_sessions;
        if !self.source_has_left(What::Session, sessions, address, now, decision)
            && self.ends(decision, Rule::SourceSessions, 0)
        {
            return;
        }
        if rules.sessions.is_some_and(|limit| !self.sessions.take(limit, now))
            && self.ends(decision, Rule::Sessions, 0)
        {
            return;
        }
        let forgot = self.known.remember(address, port, now / SECOND, rules.known_for);
        decision.forgot_client = forgot == Forgot::AClient;
        decision.forgot_newcomer = forgot == Forgot::ANewcomer;
    }

    /// Takes one from a source's allowance, if there is a limit to it; whether there was one left.
    fn source_has_left(
        &self,
        what: What,
        limit: Option<Limit>,
        address: IpAddr,
        now: Nanos,
        decision: &mut Decision,
    ) -> bool {
        let Some(limit) = limit else { return true };
        let kept = self.rules.known_for;
        let forgot = || decision.forgot_source = true;
        self.sources.take(self.source_of(address), what, limit, now, kept, forgot)
    }

    /// Whether a source that has used up its allowance of datagrams has one left for this sender,
    /// whom it knows.
    fn has_left_for(
        &self,
        client: (IpAddr, u16),
        vouched: &impl Fn() -> bool,
        now: Nanos,
        decision: &mut Decision,
    ) -> bool {
        let Some(limit) = self.rules.source_packets else { return true };
        let Some(standing) = self.standing(client, now) else { return false };
        let applicant = Applicant { client, standing, vouched: vouched() };
        let forgot = || decision.forgot_source = true;
        self.sources.take_for(&applicant, self.source_of(client.0), limit, now, forgot)
    }

    fn source_of(&self, address: IpAddr) -> IpAddr {
        let (v4, v6) = self.rules.source_prefix;
        source_of(address, v4, v6)
    }

    fn standing(&self, (address, port): (IpAddr, u16), now: Nanos) -> Option<Standing> {
        let (seconds, kept) = (now / SECOND, self.rules.known_for);
        let before = || self.known_before.as_ref()?.standing(address, port, seconds, kept);
        self.known.standing(address, port, seconds, kept).or_else(before)
    }

    fn knows(
        &self,
        (address, port): (IpAddr, u16),
        vouched: &impl Fn() -> bool,
        now: Nanos,
    ) -> bool {
        let (seconds, kept) = (now / SECOND, self.rules.known_for);
        if self.known.met(address, port, seconds, kept, vouched) {
            return true;
        }
        let Some(before) = &self.known_before else { return false };
        let standing = before.standing(address, port, seconds, kept);
        if let Some(standing) = standing {
            let again = standing.again(seconds, vouched);
            self.known.remember_as(address, port, again, seconds, kept);
        }
        standing.is_some()
    }

    /// Records a violation; whether it decides. Of violations that only count the first is recorded,
    /// as it is the one that would have decided.
    fn ends(&self, decision: &mut Decision, rule: Rule, number: usize) -> bool {
        let violation = Some(Violation { rule, number });
        if self.rules.only_counts(rule) {
            decision.would_be = decision.would_be.or(violation);
            return false;
        }
        decision.rejected = violation;
        true
    }
}

fn agrees(length: &Length, datagram: &Datagram) -> bool {
    datagram.run(length.offset, length.width, |run| {
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value =
            if length.big_endian { run.iter().fold(0, add) } else { run.iter().rev().fold(0, add) };
        value * length.unit + length.plus == datagram.size() as u64
    })
}

#[cfg(test)]
mod tests;
