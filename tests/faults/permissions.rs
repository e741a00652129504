//! Permissions: a file or a folder that may only be read takes no writes, says so, and is left as
//! it is.

use std::fs::{Permissions, set_permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alwrity_metering::{Meter, Options};

use crate::stage::{assert_verified, open, record, recorded, small};

/// Somebody whom permissions bind; root they do not.
const NOBODY: libc::uid_t = 65_534;

#[test]
fn what_may_only_be_read_is_read_and_takes_no_writes() {
    assert!(crate::play(&["permissions"]).is_empty());
}

pub(crate) fn play() {
    let folder = tempfile::tempdir().unwrap();
    become_bound(folder.path());
    let path = folder.path().join("metering.db");
    let meter = small(&path);
    record(&meter, "u", "before", 3).unwrap();
    drop(meter);
    let before = std::fs::read(&path).unwrap();
    // A file that may only be read can be read: reports need no more.
    set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let meter = open(&path);
    assert_eq!(meter.usage_summary("u", &"all".parse().unwrap()).unwrap().total_calls, 3);
    let error = record(&meter, "u", "more", 1).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
    assert!(error.to_string().contains("readonly"), "{error}");
    drop(meter);
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    // In a folder where nothing can be made there is no lock and no log.
    for suffix in ["-lock", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", path.display())));
    }
    set_permissions(folder.path(), Permissions::from_mode(0o500)).unwrap();
    let error = Meter::open(&path, Options::default()).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
    assert!(error.to_string().contains("metering.db-lock: Permission denied"), "{error}");
    set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(recorded(&path), 3);
    assert_verified(&path);
}

/// Root may do everything, so it becomes somebody else, to whom the folder is given.
fn become_bound(folder: &Path) {
    let name = std::ffi::CString::new(folder.as_os_str().as_bytes()).unwrap();
    // SAFETY: it names a folder of ours, and changes who this process is.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::chown(name.as_ptr(), NOBODY, NOBODY), 0);
            assert_eq!(libc::setgid(NOBODY), 0);
            assert_eq!(libc::setuid(NOBODY), 0);
        }
    }
}
