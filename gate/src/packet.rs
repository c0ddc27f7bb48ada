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

    /// The bytes from an offset on, as many as the buffer takes but at most `length`; `None` if the
    /// datagram ends before them.
    pub fn run<'b>(
        &self,
        offset: usize,
        length: usize,
        buffer: &'b mut [u8; LONGEST_RUN],
    ) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let end = offset.checked_add(length)?;
        if end > self.size || length > LONGEST_RUN {
            return None;
        }
        if let [whole] = self.chunks {
            return whole.get(offset..end);
        }
        let mut skip = offset;
        let mut filled = 0;
        for chunk in self.chunks {
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let rest = &chunk[skip..];
            skip = 0;
            let taken = rest.len().min(length - filled);
            buffer[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            if filled == length {
                break;
            }
        }
        buffer.get(..filled)
    }

    /// The first bytes, for the log.
    pub fn beginning(&self) -> impl Iterator<Item = u8> + 'a {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).copied().take(16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                        let mut buffer = [0; LONGEST_RUN];
                        let run = datagram.run(offset, length, &mut buffer);
                        assert_eq!(run, bytes.get(offset..offset + length), "{offset}+{length}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_beyond_the_end() {
        let mut buffer = [0; LONGEST_RUN];
        assert_eq!(Datagram::new(&[]).run(0, 1, &mut buffer), None);
        assert_eq!(Datagram::new(&[&[1, 2]]).run(usize::MAX, 2, &mut buffer), None);
        assert_eq!(Datagram::new(&[&[1; 100]]).run(0, LONGEST_RUN + 1, &mut buffer), None);
    }
}
