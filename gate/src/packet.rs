//! A datagram, read within its bounds.

/// The longest run of bytes that a rule compares.
pub const LONGEST_RUN: usize = 64;

/// One datagram as Envoy holds it: usually in one piece, but nothing depends on that.
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    chunks: &'a [&'a [u8]],
    size: usize,
}

impl<'a> Datagram<'a> {
    /// A datagram made of pieces in their order.
    pub fn new(chunks: &'a [&'a [u8]]) -> Self {
        let size = chunks.iter().map(|chunk| chunk.len()).sum();
        Datagram { chunks, size }
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Asks about the bytes from an offset on, at most [`LONGEST_RUN`] of them; `false` if the
    /// datagram ends before them.
    #[inline]
    pub fn run(&self, offset: usize, length: usize, ask: impl FnOnce(&[u8]) -> bool) -> bool {
        let Some(end) = offset.checked_add(length).filter(|end| *end <= self.size) else {
            return false;
        };
        match self.chunks {
            [whole] => whole.get(offset..end).is_some_and(ask),
            _ => self.gathered(offset, length, ask),
        }
    }

    fn gathered(&self, offset: usize, length: usize, ask: impl FnOnce(&[u8]) -> bool) -> bool {
        let mut buffer = [0; LONGEST_RUN];
        let Some(run) = buffer.get_mut(..length) else { return false };
        let bytes = self.chunks.iter().flat_map(|chunk| chunk.iter()).skip(offset);
        run.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        ask(run)
    }

    /// The first bytes, for the log.
    pub fn beginning(&self) -> impl Iterator<Item = u8> + 'a {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).copied().take(16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(datagram: &Datagram, offset: usize, length: usize) -> Option<Vec<u8>> {
        let mut found = None;
        let there = datagram.run(offset, length, |bytes| {
            found = Some(bytes.to_vec());
            true
        });
        assert_eq!(there, found.is_some());
        found
    }

    #[test]
    fn reads_the_same_however_it_is_cut() {
        let bytes: Vec<u8> = (0..40).collect();
        for cut in 0..=bytes.len() {
            for other in cut..=bytes.len() {
                let chunks = [&bytes[..cut], &bytes[cut..other], &bytes[other..]];
                let datagram = Datagram::new(&chunks);
                assert_eq!(datagram.size(), 40);
                for offset in 0..=41 {
                    for length in [0, 1, 2, 7, 40] {
                        let expected = bytes.get(offset..offset + length).map(<[u8]>::to_vec);
                        assert_eq!(run(&datagram, offset, length), expected, "{offset}+{length}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_beyond_the_end() {
        assert_eq!(run(&Datagram::new(&[]), 0, 1), None);
        assert_eq!(run(&Datagram::new(&[&[1, 2]]), 0, 2), Some(vec![1, 2]));
        assert_eq!(run(&Datagram::new(&[&[1, 2]]), 1, 2), None);
        assert_eq!(run(&Datagram::new(&[&[1, 2]]), usize::MAX, 2), None);
        assert_eq!(run(&Datagram::new(&[&[1; 60], &[1; 60]]), 0, LONGEST_RUN + 1), None);
    }

    #[test]
    fn a_refusal_is_a_refusal() {
        assert!(!Datagram::new(&[&[1, 2]]).run(0, 2, |_| false));
        assert!(!Datagram::new(&[&[1], &[2]]).run(0, 2, |_| false));
    }
}
