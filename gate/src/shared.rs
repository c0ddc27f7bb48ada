//! Tables that outlive this process: in a file that is mapped into memory, so that an Envoy that
//! takes over from another by hot restart, or is started again, knows the clients that were known.
//!
//! The file is this user's alone, and is made anew if it is of another layout, size or boot of the
//! machine (times count from there). Whatever goes wrong, the table is in this process' own memory.
#![allow(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// What a file begins with; another one for another layout of what follows.
const MAGIC: u64 = u64::from_le_bytes(*b"bolgate1");

/// Magic, boot, size and two seeds, and room up to a line of memory.
const HEADER: usize = 64;

/// How often the lock of a file is asked for, some milliseconds apart; this is Envoy's main thread.
const TRIES: usize = 200;

/// A value that all zeros is a beginning of, and that several processes may share: atomic words and
/// nothing else, in the order in which they are written down.
///
/// # Safety
///
/// Whoever implements it promises just that.
pub(crate) unsafe trait Shareable: Default {}

/// Where tables are kept that outlive the process, for one service.
#[derive(Default)]
pub struct Keep {
    folder: Option<PathBuf>,
    service: String,
}

/// Slots in memory.
pub(crate) enum Slots<T: 'static> {
    Own(Box<[T]>),
    /// Never unmapped: whoever changes the size of a table does so seldom.
    Mapped(&'static [T]),
}

impl<T> Deref for Slots<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Slots::Own(slots) => slots,
            Slots::Mapped(slots) => slots,
        }
    }
}

/// What keys are hashed under.
pub(crate) type Seeds = [u64; 2];

impl Keep {
    /// In a folder, if there is one; a service whose name is no name of a file is not kept.
    pub fn new(folder: Option<PathBuf>, service: &str) -> Keep {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let folder = folder.filter(|_| !service.is_empty() && service.chars().all(plain));
        Keep { folder, service: service.to_owned() }
    }

    /// So many slots, and the seeds that belong to them. `failed` is told why they are not kept.
    pub(crate) fn slots<T: Shareable>(
        &self,
        kind: &str,
        count: usize,
        failed: impl FnOnce(String),
    ) -> (Slots<T>, Seeds) {
        if let Some(folder) = &self.folder {
            let file = folder.join(format!("bolina-gate.{}.{kind}.{count}", self.service));
            match mapped(&file, count) {
                Ok((slots, seeds)) => {
                    self.remove_other_sizes(folder, kind, &file);
                    return (Slots::Mapped(slots), seeds);
                }
                Err(why) => failed(format!("{}: {why}", file.display())),
            }
        }
        static OWN: OnceLock<u64> = OnceLock::new();
        let [one, other] = seeds();
        let slots = Slots::Own((0..count).map(|_| T::default()).collect());
        (slots, [*OWN.get_or_init(|| one), other])
    }

    /// Whoever has one of them open goes on with it.
    fn remove_other_sizes(&self, folder: &Path, kind: &str, this: &Path) {
        let beginning = format!("bolina-gate.{}.{kind}.", self.service);
        for other in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = other.file_name();
            let size = name.to_str().and_then(|name| name.strip_prefix(&beginning));
            if size.is_some_and(|size| size.parse::<usize>().is_ok()) && other.path() != this {
                let _ = fs::remove_file(other.path());
            }
        }
    }
}

fn seeds() -> Seeds {
    let random = RandomState::new();
    [random.hash_one(1), random.hash_one(2)]
}

/// A number of this boot of the machine.
fn boot() -> Result<u64> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(xxhash_rust::xxh64::xxh64(id.as_bytes(), 0))
}

fn mapped<T: Shareable>(path: &Path, count: usize) -> Result<(&'static [T], Seeds)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    let _alone = Alone::with(&file)?;
    let about = file.metadata()?;
    // SAFETY: it has no preconditions.
    let me = unsafe { libc::geteuid() };
    if !about.is_file() || about.uid() != me || about.mode() & 0o077 != 0 || about.nlink() != 1 {
        return Err(Error::new(ErrorKind::PermissionDenied, "it is not this user's alone"));
    }
    let length = HEADER + count * std::mem::size_of::<T>();
    let fresh = [MAGIC, boot()?, length as u64];
    let seeds = match header(&file) {
        Ok([magic, boot, size, one, other])
            if [magic, boot, size] == fresh && about.len() == length as u64 =>
        {
            [one, other]
        }
        _ => {
            let seeds = seeds();
            file.set_len(0)?;
            // All of it now: a file system that is full later would end the process.
            // SAFETY: the descriptor is open.
            match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length as libc::off_t) } {
                0 => {}
                wrong => return Err(Error::from_raw_os_error(wrong)),
            }
            let words: Vec<u8> =
                fresh.iter().chain(&seeds).flat_map(|word| word.to_ne_bytes()).collect();
            // The magic last.
            file.write_all_at(&words[8..], 8)?;
            file.write_all_at(&words[..8], 0)?;
            seeds
        }
    };
    // SAFETY: the file is as long as that, and nobody shortens it but this user.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    // SAFETY: so much was mapped, never to be unmapped; a page's beginning and 64 bytes suit any
    // word; what is there is atomic words of any value ([`Shareable`]).
    let slots =
        unsafe { std::slice::from_raw_parts(memory.cast::<u8>().add(HEADER).cast::<T>(), count) };
    Ok((slots, seeds))
}

/// Whoever makes a file has it alone until it is whole. Given back explicitly: memory that is mapped
/// would hold the lock for as long as the process lives.
struct Alone<'a>(&'a File);

impl Alone<'_> {
    fn with(file: &File) -> Result<Alone<'_>> {
        for _ in 0..TRIES {
            // SAFETY: the descriptor is open.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
                return Ok(Alone(file));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(Error::new(ErrorKind::WouldBlock, "another process holds its lock"))
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

fn header(file: &File) -> Result<[u64; 5]> {
    let mut bytes = [0; 40];
    file.read_exact_at(&mut bytes, 0)?;
    let word = |n: usize| u64::from_ne_bytes(bytes[n * 8..n * 8 + 8].try_into().expect("eight"));
    Ok(std::array::from_fn(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Known;
    use std::net::{IpAddr, Ipv4Addr};
    use std::os::unix::fs::{symlink, PermissionsExt};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gate-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn client(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    fn keep(folder: &Path) -> Keep {
        Keep::new(Some(folder.to_owned()), "games")
    }

    #[test]
    fn who_is_known_to_one_is_known_to_the_next() {
        let folder = folder("next");
        let mut failures = Vec::new();
        let one = Known::kept(64, &keep(&folder), |why| failures.push(why));
        one.remember(client(7), 5, 100, 60);
        let other = Known::kept(64, &keep(&folder), |why| failures.push(why));
        assert!(other.met(client(7), 5, 110, 60));
        assert!(!other.met(client(8), 5, 110, 60));
        other.remember(client(8), 5, 110, 60);
        assert!(one.met(client(8), 5, 111, 60), "both at once");
        let larger = Known::kept(128, &keep(&folder), |why| failures.push(why));
        assert!(!larger.met(client(7), 5, 111, 60));
        let names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(names, ["bolina-gate.games.known.128"], "the other size is not kept for ever");
        let another = Keep::new(Some(folder.clone()), "other");
        assert!(!Known::kept(128, &another, |_| {}).met(client(7), 5, 111, 60));
        assert_eq!(failures, Vec::<String>::new());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_another_layout_or_boot_is_made_anew() {
        let folder = folder("anew");
        let file = folder.join("bolina-gate.games.known.64");
        for spoil in [0, 8, 16] {
            let one = Known::kept(64, &keep(&folder), |why| panic!("{why}"));
            one.remember(client(7), 5, 100, 60);
            let open = OpenOptions::new().write(true).open(&file).unwrap();
            open.write_all_at(&[0xff; 8], spoil).unwrap();
            let other = Known::kept(64, &keep(&folder), |why| panic!("{why}"));
            assert!(!other.met(client(7), 5, 101, 60), "{spoil}");
        }
        fs::write(&file, b"short").unwrap();
        let other = Known::kept(64, &keep(&folder), |why| panic!("{why}"));
        other.remember(client(7), 5, 100, 60);
        assert!(other.met(client(7), 5, 101, 60));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_others_could_write_to_is_not_used() {
        let folder = folder("others");
        let file = folder.join("bolina-gate.games.known.64");
        let refused = || {
            let mut failures = Vec::new();
            let known = Known::kept(64, &keep(&folder), |why| failures.push(why));
            known.remember(client(7), 5, 100, 60);
            assert!(known.met(client(7), 5, 101, 60), "in memory of its own");
            failures.len() == 1
        };
        fs::write(&file, b"").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o660)).unwrap();
        assert!(refused());
        fs::remove_file(&file).unwrap();
        symlink(folder.join("elsewhere"), &file).unwrap();
        assert!(refused());
        assert!(!folder.join("elsewhere").exists());
        let missing = Keep::new(Some(folder.join("missing")), "games");
        let mut failures = 0;
        Known::kept(64, &missing, |_| failures += 1);
        assert_eq!(failures, 1);
        let odd = Keep::new(Some(folder.clone()), "../games");
        Known::kept(64, &odd, |why| panic!("{why}"));
        fs::remove_dir_all(folder).unwrap();
    }
}
