//! The file: where it may lie, who may read it, and the lock beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::io_failed;
use super::syscalls::descriptors::OwnFile;
use super::syscalls::locks::in_use;
use crate::error::{Error, Result};
use crate::storage::StoreOptions;

/// A file as the system knows it, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&rustix::fs::Stat> for Identity {
    #[allow(clippy::useless_conversion, reason = "the width differs between systems")]
    fn from(found: &rustix::fs::Stat) -> Self {
        Self { device: found.st_dev.into(), inode: found.st_ino.into() }
    }
}

impl Identity {
    /// What the name stands for now; nothing when there is no such file.
    pub(super) fn of(path: &Path) -> Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(found) => Ok(Some(Self { device: found.dev(), inode: found.ino() })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_failed("look at the file")(error)),
        }
    }
}

/// Makes the file when there is none, for its owner alone, and checks that it is safe to use.
pub(super) fn prepare(path: &Path, options: &StoreOptions) -> Result<()> {
    if !options.allow_linked_file {
        refuse_links(path)?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            let reason = format!("{}: {error}", path.display());
            return Err(Error::StorageUnavailable { action: "make the file", reason });
        }
    }
    if !options.allow_network_disk {
        refuse_network_disk(path)?;
    }
    Ok(())
}

fn refuse_links(path: &Path) -> Result<()> {
    let unsafe_because = |reason: &str| {
        Err(Error::StorageUnsafe { path: path.display().to_string(), reason: reason.to_owned() })
    };
    match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if found.is_symlink() => unsafe_because(
            "it is a symbolic link, whose `-wal` could lie elsewhere (option `allow_linked_file`)",
        ),
        Ok(found) if found.is_file() && found.nlink() > 1 => unsafe_because(
            "it has a second name, whose `-wal` would be another (option `allow_linked_file`)",
        ),
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => unsafe_because("it is no regular file"),
    }
}

/// Network file systems whose locks cannot be trusted, by their magic number.
const NETWORK_DISKS: [(i64, &str); 8] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x5346_414F, "afs"),
    (0x00C3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
];

#[allow(clippy::useless_conversion, reason = "the number is narrower on other systems")]
fn refuse_network_disk(path: &Path) -> Result<()> {
    let Ok(found) = rustix::fs::statfs(path) else { return Ok(()) };
    let magic = found.f_type;
    refuse_network(path, i64::from(magic))
}

fn refuse_network(path: &Path, magic: i64) -> Result<()> {
    match NETWORK_DISKS.iter().find(|(known, _)| *known == magic) {
        None => Ok(()),
        Some((_, disk)) => Err(Error::StorageUnsafe {
            path: path.display().to_string(),
            reason: format!("it lies on a network disk, {disk} (option `allow_network_disk`)"),
        }),
    }
}

/// How long a caller waits, from its call on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    started: Instant,
    whole: Duration,
}

impl Patience {
    /// Begins to wait, for as long as the options say.
    pub(super) fn of(options: &StoreOptions) -> Self {
        Self { started: Instant::now(), whole: Duration::from_millis(options.busy_timeout_ms) }
    }

    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        self.whole.saturating_sub(self.started.elapsed())
    }

    /// What a caller is told who has waited in vain.
    pub(super) fn overloaded(&self) -> Error {
        let waited_ms = self.started.elapsed().as_millis();
        Error::Overloaded { waited_ms: u64::try_from(waited_ms).unwrap_or(u64::MAX) }
    }

    /// The same error, with how long was waited.
    pub(super) fn measured(&self, error: Error) -> Error {
        match error {
            Error::Overloaded { .. } => self.overloaded(),
            other => other,
        }
    }
}

/// The name of the file with a suffix: `metering.db` and `-lock` give `metering.db-lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The lock that processes take turns by: `flock` on a file of its own. SQLite's own waiting
/// starves processes; the kernel's queue does not.
#[derive(Debug)]
pub(super) struct SideLock {
    file: OwnFile,
}

/// The turn of this process; it ends when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    file: &'a File,
}

impl SideLock {
    /// Opens the side file, making it for its owner alone.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let path = beside(path, "-lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let named = |error: std::io::Error| {
            let reason = format!("{}: {error}", path.display());
            io_failed("open the lock file")(std::io::Error::new(error.kind(), reason))
        };
        let file = options.open(&path).map_err(named)?;
        Ok(Self { file: OwnFile::new(file) })
    }

    /// Marks the file as in use, for as long as this is open; whether nobody else uses it.
    /// Called within a turn.
    pub(super) fn is_first_user(&self) -> Result<bool> {
        in_use(&self.file).map_err(io_failed("mark the file as in use"))
    }

    /// Waits for this process's turn, however long that takes: for the writer, whose callers
    /// take their works back when they have waited long enough.
    pub(super) fn turn(&self) -> Result<Turn<'_>> {
        loop {
            match self.file.lock() {
                Ok(()) => return Ok(Turn { file: &self.file }),
                // A signal of the host's came to this thread.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_failed("take the lock")(error)),
            }
        }
    }

    /// Waits for a turn until a deadline: a process that is stopped in its turn must not hold
    /// its callers. It asks again and again, for the kernel's queue knows no deadline.
    pub(super) fn turn_until(&self, patience: Patience) -> Result<Turn<'_>> {
        let mut pause = Duration::from_micros(200);
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(Turn { file: &self.file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(io_failed("take the lock")(error)),
            }
            let left = patience.left();
            if left.is_zero() {
                return Err(patience.overloaded());
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(3));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Closing the file would unlock it too; a failure here cannot keep it locked for long.
        drop(self.file.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What statfs(2) lists: the kinds whose locks are the server's, and some whose are not.
    #[test]
    fn a_network_disk_is_refused_by_its_kind() {
        let path = Path::new("/mnt/metering.db");
        for (magic, name) in [(0x6969, "nfs"), (0xFF53_4D42, "cifs"), (0x0102_1997, "9p")] {
            let error = refuse_network(path, magic).unwrap_err();
            assert_eq!(error.code(), "storage_unsafe");
            for part in [name, "/mnt/metering.db", "allow_network_disk"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
        for (magic, name) in [(0xEF53, "ext4"), (0x0102_1994, "tmpfs"), (0x5846_5342, "xfs")] {
            assert_eq!(refuse_network(path, magic), Ok(()), "{name}");
        }
    }
}
