//! Tables that outlive this process: in a file that is mapped into memory, so that an Envoy that
//! takes over from another by hot restart, or is started again, knows the clients that were known.
//!
//! The file is this user's alone, and another one takes its place if it is of another layout, size
//! or boot of the machine (times count from there). It is never cut or written over: another Envoy
//! may have it mapped, and would end. Whatever goes wrong, the table is in this process' own memory.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// What a file begins with; another one for another layout of what follows.
const MAGIC: u64 = u64::from_le_bytes(*b"bolgate3");

/// The one before. What modules of that wrote of clients can be read, and no more: they cannot read
/// what this one writes.
const BEFORE: u64 = u64::from_le_bytes(*b"bolgate2");

/// Magic, boot, size and two seeds, and room up to a line of memory.
const HEADER: usize = 64;

/// How often the lock of a file is asked for, some milliseconds apart; this is Envoy's main thread.
const TRIES: usize = 200;

/// How often a file may be replaced by others while this process opens it.
const REPLACED: usize = 8;

/// The most slots of a file that is taken over.
const LARGEST: usize = 1 << 25;

/// A value that all zeros is a beginning of, and that several processes may share: atomic words and
/// nothing else, in the order in which they are written down.
///
/// # Safety
///
/// Whoever implements it promises just that.
pub(crate) unsafe trait Shareable: Default {}

// SAFETY: it has no bytes.
unsafe impl Shareable for () {}

/// Where tables are kept that outlive the process, for one service.
#[derive(Default)]
pub struct Keep {
    folder: Option<PathBuf>,
    service: String,
}

/// Slots in memory.
pub(crate) enum Slots<T: 'static> {
    Own(Box<[T]>),
    Mapped(Mapped<T>),
}

/// Slots in a file, behind its header.
pub(crate) struct Mapped<T> {
    memory: NonNull<c_void>,
    count: usize,
    slots: PhantomData<T>,
}

// SAFETY: the memory is this value's own, and what is there may be read and written by every thread.
unsafe impl<T: Send> Send for Mapped<T> {}
// SAFETY: see above.
unsafe impl<T: Sync> Sync for Mapped<T> {}

impl<T> Mapped<T> {
    fn length(count: usize) -> usize {
        HEADER + count * std::mem::size_of::<T>()
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: so much was mapped, and no slot outlives this value.
        unsafe { libc::munmap(self.memory.as_ptr(), Self::length(self.count)) };
    }
}

impl<T> Deref for Slots<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Slots::Own(slots) => slots,
            // SAFETY: so much is mapped; a page's beginning and 64 bytes suit any word; what is there
            // is atomic words of any value ([`Shareable`]).
            Slots::Mapped(mapped) => unsafe {
                let first = mapped.memory.as_ptr().cast::<u8>().add(HEADER).cast::<T>();
                std::slice::from_raw_parts(first, mapped.count)
            },
        }
    }
}

/// What keys are hashed under.
pub(crate) type Seeds = [u64; 2];

/// Slots, and the seeds that belong to them.
pub(crate) type Memory<T> = (Slots<T>, Seeds);

impl Keep {
    /// In a folder, if there is one; a service whose name is no name of a file is not kept.
    pub fn new(folder: Option<PathBuf>, service: &str) -> Keep {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let folder = folder.filter(|_| !service.is_empty() && service.chars().all(plain));
        Keep { folder, service: service.to_owned() }
    }

    /// So many slots; and those that were kept when there were more or fewer, if there are. `failed`
    /// is told why they are not kept.
    pub(crate) fn slots<T: Shareable>(
        &self,
        kind: &str,
        count: usize,
        failed: impl FnOnce(String),
    ) -> (Memory<T>, Option<Memory<T>>) {
        if let Some(folder) = &self.folder {
            let file = folder.join(format!("bolina-gate.{}.{kind}.{count}", self.service));
            match mapped(&file, count, true) {
                Ok(memory) => return (memory, self.take_other_sizes(folder, kind, count)),
                Err(why) => failed(format!("{}: {why}", file.display())),
            }
        }
        static OWN: OnceLock<u64> = OnceLock::new();
        let [one, other] = seeds();
        let slots = Slots::Own((0..count).map(|_| T::default()).collect());
        ((slots, [*OWN.get_or_init(|| one), other]), None)
    }

    /// Removes tables of other sizes; one of them is returned. Whoever has one open goes on with it.
    fn take_other_sizes<T: Shareable>(
        &self,
        folder: &Path,
        kind: &str,
        count: usize,
    ) -> Option<Memory<T>> {
        let beginning = format!("bolina-gate.{}.{kind}.", self.service);
        let mut taken = None;
        for other in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = other.file_name();
            let size = name.to_str().and_then(|name| name.strip_prefix(&beginning));
            let Some(size) = size.and_then(|size| size.parse::<usize>().ok()) else { continue };
            if size == count {
                continue;
            }
            if taken.is_none() && size.is_power_of_two() && size <= LARGEST {
                taken = mapped(&other.path(), size, false).ok();
            }
            let _ = fs::remove_file(other.path());
        }
        taken
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

/// The table in a file; `make` says whether there must be one.
fn mapped<T: Shareable>(path: &Path, count: usize, make: bool) -> Result<Memory<T>> {
    for _ in 0..REPLACED {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(make)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        // Before the lock: whose file it is may hold that for ever.
        let about = file.metadata()?;
        // SAFETY: it has no preconditions.
        let me = unsafe { libc::geteuid() };
        if !about.is_file() || about.uid() != me || about.mode() & 0o077 != 0 || about.nlink() > 1 {
            return Err(Error::new(ErrorKind::PermissionDenied, "it is not this user's alone"));
        }
        let _alone = Alone::with(&file)?;
        let is_there = |now: fs::Metadata| now.ino() == about.ino() && now.dev() == about.dev();
        if !fs::symlink_metadata(path).is_ok_and(is_there) {
            continue;
        }
        let length = Mapped::<T>::length(count);
        let fresh = [MAGIC, boot()?, length as u64];
        let size = file.metadata()?.len();
        let seeds = match header(&file) {
            Ok([magic, boot, whole, one, other])
                if [boot, whole] == fresh[1..]
                    && (magic == MAGIC || (magic == BEFORE && !make))
                    && size == length as u64 =>
            {
                has_room(&file, length, false)?;
                [one, other]
            }
            _ if !make => return Err(ErrorKind::InvalidData.into()),
            _ if size > 0 => {
                fs::remove_file(path)?;
                continue;
            }
            _ => begin(&file, length, fresh)?,
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
        let memory = NonNull::new(memory).filter(|memory| memory.as_ptr() != libc::MAP_FAILED);
        let memory = memory.ok_or_else(Error::last_os_error)?;
        return Ok((Slots::Mapped(Mapped { memory, count, slots: PhantomData }), seeds));
    }
    Err(Error::new(ErrorKind::WouldBlock, "others replace it again and again"))
}

/// Makes a table in an empty file, which nobody has mapped.
fn begin(file: &File, length: usize, fresh: [u64; 3]) -> Result<Seeds> {
    has_room(file, length, true).inspect_err(|_| drop(file.set_len(0)))?;
    let seeds = seeds();
    let words: Vec<u8> = fresh.iter().chain(&seeds).flat_map(|word| word.to_ne_bytes()).collect();
    // The magic last.
    file.write_all_at(&words[8..], 8)?;
    file.write_all_at(&words[..8], 0)?;
    Ok(seeds)
}

/// Sees to it that there is memory for all of a file: where the file system is full when some of it
/// is first written to, the process ends.
fn has_room(file: &File, length: usize, empty: bool) -> Result<()> {
    let (file, length) = (file.as_raw_fd(), length as libc::off_t);
    // SAFETY: the descriptor is open. (The second one, where the file system has none of its own,
    // writes to what is there: only where nobody else does.)
    let wrong = unsafe {
        match libc::fallocate(file, 0, 0, length) {
            0 => 0,
            _ if Error::last_os_error().raw_os_error() != Some(libc::EOPNOTSUPP) => {
                return Err(Error::last_os_error());
            }
            _ if empty => libc::posix_fallocate(file, 0, length),
            _ => 0,
        }
    };
    match wrong {
        0 => Ok(()),
        wrong => Err(Error::from_raw_os_error(wrong)),
    }
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
    use crate::homes::Homes;
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
        let one = Known::kept(64, &keep(&folder), |why| failures.push(why)).0;
        one.remember(client(7), 5, 100, 60);
        let other = Known::kept(64, &keep(&folder), |why| failures.push(why)).0;
        assert!(other.met(client(7), 5, 110, 60, || false));
        assert!(!other.met(client(8), 5, 110, 60, || false));
        other.remember(client(8), 5, 110, 60);
        assert!(one.met(client(8), 5, 111, 60, || false), "both at once");
        let (larger, before) = Known::kept(128, &keep(&folder), |why| failures.push(why));
        assert!(!larger.met(client(7), 5, 111, 60, || false));
        let before = before.expect("the table of the other size");
        assert!(
            before.met(client(7), 5, 111, 60, || false)
                && !before.met(client(9), 5, 111, 60, || false)
        );
        one.remember(client(9), 5, 111, 60);
        assert!(before.met(client(9), 5, 111, 60, || false), "who has it goes on with it");
        let names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(names, ["bolina-gate.games.known.256"], "the other size is not kept for ever");
        let another = Keep::new(Some(folder.clone()), "other");
        assert!(!Known::kept(128, &another, |_| {}).0.met(client(7), 5, 111, 60, || false));
        assert_eq!(failures, Vec::<String>::new());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_another_layout_or_boot_is_made_anew() {
        let folder = folder("anew");
        let file = folder.join("bolina-gate.games.known.128");
        for spoil in [0, 8, 16] {
            let one = Known::kept(64, &keep(&folder), |why| panic!("{why}")).0;
            one.remember(client(7), 5, 100, 60);
            let open = OpenOptions::new().write(true).open(&file).unwrap();
            open.write_all_at(&[0xff; 8], spoil).unwrap();
            let other = Known::kept(64, &keep(&folder), |why| panic!("{why}")).0;
            assert!(!other.met(client(7), 5, 101, 60, || false), "{spoil}");
        }
        fs::write(&file, b"short").unwrap();
        let other = Known::kept(64, &keep(&folder), |why| panic!("{why}")).0;
        other.remember(client(7), 5, 100, 60);
        assert!(other.met(client(7), 5, 101, 60, || false));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_the_module_before_wrote_is_read_and_left_as_it_is() {
        let folder = folder("before");
        let file = folder.join("bolina-gate.games.known.64");
        let words = |slots: &[u64]| -> Vec<u8> {
            let header = [BEFORE, boot().unwrap(), (HEADER + 64 * 16) as u64, 1, 2, 0, 0, 0];
            header.iter().chain(slots).flat_map(|word| word.to_ne_bytes()).collect()
        };
        let write = |slots: &[u64]| {
            fs::write(&file, words(slots)).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        };
        write(&[0; 128]);
        // Under the same seeds, so that the key is the one that the module before had written.
        let keys = Known::kept(64, &keep(&folder), |why| panic!("{why}")).1.expect("it is read");
        let mut slots = [0; 128];
        for (place, n) in (0..).zip([7, 8]) {
            let (key, came_back) = (keys.key_of(client(n), 5), u64::from(n == 8) << 63);
            let slot = (key as usize & 7) * 8 + place;
            (slots[slot * 2], slots[slot * 2 + 1]) = (key, came_back | 100);
        }
        write(&slots);
        let (_, before) = Known::kept(64, &keep(&folder), |why| panic!("{why}"));
        let open = File::open(&file);
        assert!(open.is_err(), "it is not kept for ever");
        let before = before.expect("the table of the module before");
        for n in [7, 8] {
            let standing = before.standing(client(n), 5, 150, 60).expect("it is known");
            assert!(!standing.is_earned(), "it has yet to earn its place");
            assert!(before.standing(client(n), 5, 161, 60).is_none());
        }
        assert!(before.standing(client(9), 5, 150, 60).is_none());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_others_could_write_to_is_not_used() {
        let folder = folder("others");
        let file = folder.join("bolina-gate.games.known.128");
        let refused = || {
            let mut failures = Vec::new();
            let (known, _) = Known::kept(64, &keep(&folder), |why| failures.push(why));
            known.remember(client(7), 5, 100, 60);
            assert!(known.met(client(7), 5, 101, 60, || false), "in memory of its own");
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

    #[test]
    fn who_has_a_file_that_is_made_anew_goes_on_with_its_own() {
        let folder = folder("mapped");
        let file = folder.join("bolina-gate.games.known.8192");
        let one = Known::kept(4096, &keep(&folder), |why| panic!("{why}")).0;
        let clients = || (0..2_000).map(client);
        clients().for_each(|client| {
            one.remember(client, 5, 100, 60);
        });
        let known =
            |by: &Known| clients().filter(|client| by.met(*client, 5, 101, 60, || false)).count();
        let before = known(&one);
        let stop = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            // As an Envoy goes on to do whose next one has a module with another layout.
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    known(&one);
                }
            });
            for _ in 0..200 {
                let open = OpenOptions::new().write(true).open(&file).unwrap();
                open.write_all_at(&[0xff; 8], 0).unwrap();
                let other = Known::kept(4096, &keep(&folder), |why| panic!("{why}")).0;
                assert_eq!(known(&other), 0);
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(known(&one), before);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_table_of_another_size_is_taken_over_only_if_it_is_one() {
        let folder = folder("sizes");
        for (name, content) in
            [("256", &b"short"[..]), ("100", b""), ("4", b""), ("99999999999999999999", b"")]
        {
            let file = folder.join(format!("bolina-gate.games.known.{name}"));
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        }
        symlink("/dev/null", folder.join("bolina-gate.games.known.512")).unwrap();
        let (_, before) = Known::kept(64, &keep(&folder), |why| panic!("{why}"));
        assert!(before.is_none());
        let homes = Homes::kept(64, &keep(&folder), |why| panic!("{why}"));
        let from = (client(7), 5);
        homes.remember(from, 77, 100, 60);
        let larger = Homes::kept(1024, &keep(&folder), |why| panic!("{why}"));
        assert_eq!(larger.of(from, 101, 60), Some(77), "as it was when there were fewer");
        assert_eq!(larger.of((client(8), 5), 101, 60), None);
        let same = Homes::kept(1024, &keep(&folder), |why| panic!("{why}"));
        assert_eq!(same.of(from, 101, 60), Some(77), "it has moved to the new table");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_with_holes_where_there_is_no_room_is_not_used() {
        let folder = folder("holes");
        let disk = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
        // SAFETY: all of these end with a zero.
        let full = unsafe {
            libc::mount(
                c"none".as_ptr(),
                disk.as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                c"size=64k,mode=700".as_ptr().cast(),
            ) == 0
        };
        if full {
            let file = folder.join("bolina-gate.games.known.131072");
            let mut failures = Vec::new();
            let known = Known::kept(65_536, &keep(&folder), |why| failures.push(why)).0;
            known.remember(client(7), 5, 100, 60);
            assert!(failures.pop().expect("there is no room").contains("No space"));
            assert_eq!(fs::metadata(&file).unwrap().len(), 0, "and it takes none");
            let length = Mapped::<[u64; 2]>::length(131_072) as u64;
            let words = [MAGIC, boot().unwrap(), length, 1, 2];
            let header: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            fs::write(&file, header).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
            OpenOptions::new().write(true).open(&file).unwrap().set_len(length).unwrap();
            let known = Known::kept(65_536, &keep(&folder), |why| failures.push(why)).0;
            (0..10_000).for_each(|n| {
                known.remember(client(n), 5, 100, 60);
            });
            assert_eq!(failures.len(), 1);
            // SAFETY: see above.
            unsafe { libc::umount2(disk.as_ptr(), libc::MNT_DETACH) };
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_table_that_is_given_up_takes_no_memory() {
        let folder = folder("given-up");
        let mapped = || {
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            maps.lines().filter(|line| line.contains(folder.to_str().unwrap())).count()
        };
        for size in [64, 128, 256, 512, 64, 128] {
            let _ = Known::kept(size, &keep(&folder), |why| panic!("{why}"));
        }
        assert_eq!(mapped(), 0);
        let _one = Known::kept(256, &keep(&folder), |why| panic!("{why}"));
        assert!(mapped() > 0);
        fs::remove_dir_all(folder).unwrap();
    }
}
