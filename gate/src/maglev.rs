//! The table by which a client without a token gets its server, the same that Envoy's own Maglev
//! policy makes: so such clients fare as they do without the module. Its parts are Envoy's: 65,537
//! entries, xxHash64 of an address with two seeds, and weights.

use xxhash_rust::xxh64::xxh64;

/// Entries; a prime.
pub const SIZE: usize = 65_537;

/// Stands for nobody.
pub const NOBODY: u32 = u32::MAX;

/// Which places one wants in the table, by its address and port as Envoy writes it.
#[derive(Clone, Copy)]
pub struct Seed {
    /// The first.
    place: u64,
    /// How far each further one is.
    skip: u64,
}

impl Seed {
    /// That of an address.
    pub fn of(address: &str) -> Seed {
        let size = SIZE as u64;
        Seed {
            place: xxh64(address.as_bytes(), 0) % size,
            skip: xxh64(address.as_bytes(), 1) % (size - 1) + 1,
        }
    }
}

/// One who may be chosen.
pub struct Candidate {
    /// What its address makes it want.
    pub seed: Seed,
    /// Its share relative to the others', from 1 on.
    pub weight: u32,
    /// What stands for it in the table.
    pub number: u32,
}

/// Makes the table of candidates in the order of their addresses; empty if there are none.
pub fn table(candidates: &[Candidate]) -> Vec<u32> {
    struct Entry {
        /// The next place that it wants, and how far the one after that is.
        place: u64,
        skip: u64,
        share: f64,
        target: f64,
        number: u32,
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let sum: f64 = candidates.iter().map(|c| f64::from(c.weight)).sum();
    let size = SIZE as u64;
    let mut entries: Vec<Entry> = candidates
        .iter()
        .map(|candidate| Entry {
            place: candidate.seed.place,
            skip: candidate.seed.skip,
            share: f64::from(candidate.weight) / sum,
            target: 0.0,
            number: candidate.number,
        })
        .collect();
    let largest = entries.iter().map(|entry| entry.share).fold(0.0, f64::max);
    let mut table = vec![NOBODY; SIZE];
    let (mut filled, mut round) = (0, 1u32);
    loop {
        for entry in &mut entries {
            if f64::from(round) * entry.share < entry.target {
                continue;
            }
            entry.target += largest;
            let place = loop {
                let place = entry.place as usize;
                // Added up step by step: a division for each would be most of the work.
                entry.place += entry.skip;
                if entry.place >= size {
                    entry.place -= size;
                }
                if table[place] == NOBODY {
                    break place;
                }
            };
            table[place] = entry.number;
            filled += 1;
            if filled == SIZE {
                return table;
            }
        }
        round += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(weights: &[u32]) -> Vec<usize> {
        let addresses: Vec<String> =
            (0..weights.len()).map(|i| format!("10.0.{}.{}:7000", i / 250, i % 250)).collect();
        let mut candidates: Vec<Candidate> = addresses
            .iter()
            .zip(weights)
            .enumerate()
            .map(|(i, (address, weight))| Candidate {
                seed: Seed::of(address),
                weight: *weight,
                number: i as u32,
            })
            .collect();
        candidates.sort_by_key(|candidate| &addresses[candidate.number as usize]);
        let mut shares = vec![0; weights.len()];
        table(&candidates).iter().for_each(|number| shares[*number as usize] += 1);
        shares
    }

    #[test]
    fn shares_are_as_the_weights() {
        assert!(table(&[]).is_empty());
        assert_eq!(shares(&[7]), [SIZE]);
        let even = shares(&[100; 10]);
        assert!(even.iter().all(|share| share.abs_diff(SIZE / 10) <= 1), "{even:?}");
        let uneven = shares(&[100, 50, 25, 1]);
        for (share, weight) in uneven.iter().zip([100, 50, 25, 1]) {
            let expected = SIZE as f64 * f64::from(weight) / 176.0;
            assert!((*share as f64 - expected).abs() < 3.0, "{uneven:?}");
        }
    }

    #[test]
    fn who_closes_moves_few_of_the_others() {
        let addresses: Vec<String> = (0..20).map(|i| format!("10.0.0.{i}:7000")).collect();
        let of = |closed: usize| {
            let mut open: Vec<Candidate> = (0..20)
                .filter(|i| *i != closed)
                .map(|i| Candidate { seed: Seed::of(&addresses[i]), weight: 50, number: i as u32 })
                .collect();
            open.sort_by_key(|candidate| &addresses[candidate.number as usize]);
            table(&open)
        };
        let (all, without) = (of(99), of(7));
        let moved = all.iter().zip(&without).filter(|(a, b)| **a != 7 && a != b).count() as f64;
        assert!(moved / (SIZE as f64) < 0.1, "{moved}");
        assert!(!without.contains(&7));
    }
}
