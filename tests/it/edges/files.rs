//! Files: who may read them, and which are refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use alwrity_metering::{Error, Meter, Options};

use crate::scene::{Scene, chat, quick, write_seeded};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_file_and_all_beside_it_are_for_their_owner_alone() {
    let (_folder, path) = folder();
    let meter = Meter::open(&path, quick()).unwrap();
    meter.seed("default").unwrap();
    meter.record_call(&chat("u", "k", 1, 1)).unwrap();
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let file = path.with_file_name(format!("metering.db{suffix}"));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn verify_tells_of_a_file_that_others_may_read() {
    let scene = Scene::new();
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let checks = scene.meter.verify().unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].name, wrong[0].found.as_str()), ("file mode", "0644, not 0600"));
}

#[test]
fn a_file_of_a_newer_version_is_refused_clearly() {
    let (_folder, path) = folder();
    write_seeded(&path);
    let set = |column: &str, value: i64| {
        let foreign = rusqlite::Connection::open(&path).unwrap();
        foreign.execute(&format!("UPDATE store SET {column} = ?1"), [value]).unwrap();
    };
    set("min_writer_version", 99);
    let error = Meter::open(&path, quick()).unwrap_err();
    let path_shown = path.display().to_string();
    let expected = Error::StorageNewer { path: path_shown, needed: 99, supported: 1 };
    assert_eq!((&error, error.code(), error.number()), (&expected, "storage_newer", 506));
    assert!(!error.is_retryable());
    assert!(error.hint().contains("upgrade the library"));
    // A newer schema that this version may still write is accepted.
    set("min_writer_version", 1);
    set("schema_version", 99);
    Meter::open(&path, quick()).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    let text = "user,provider\nann,gemini\n".repeat(1000);
    fs::write(&path, &text).unwrap();
    let error = Meter::open(&path, quick()).unwrap_err();
    assert_eq!(error.code(), "storage_corrupt");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_somebody_else_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')").unwrap();
    drop(foreign);
    let before = fs::read(&path).unwrap();
    let error = Meter::open(&path, quick()).unwrap_err();
    assert_eq!(error.code(), "storage_corrupt");
    assert!(error.to_string().contains("not of this library"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_store_is_an_error_that_names_the_file() {
    let (_folder, path) = folder();
    write_seeded(&path);
    let mut bytes = fs::read(&path).unwrap();
    // Page 1 stays readable; all that it leads to is noise.
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let outcome = Meter::open(&path, quick()).and_then(|meter| meter.plans());
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), "storage_corrupt");
    assert!(error.to_string().contains("metering.db"), "{error}");
}

#[test]
fn symbolic_and_hard_links_are_refused_unless_allowed() {
    let (folder, path) = folder();
    write_seeded(&path);
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    let assert_unsafe = |path: &Path, shows: &str| {
        let error = Meter::open(path, quick()).unwrap_err();
        assert_eq!((error.code(), error.number()), ("storage_unsafe", 508));
        assert!(error.to_string().contains(shows), "{error}");
        assert!(error.to_string().contains("allow_linked_file"), "{error}");
    };
    assert_unsafe(&link, "symbolic link");
    let allowed = Options { allow_linked_file: true, ..quick() };
    assert_eq!(Meter::open(&link, allowed.clone()).unwrap().plans().unwrap().len(), 4);
    fs::remove_file(&link).unwrap();
    let second = folder.path().join("second.db");
    fs::hard_link(&path, &second).unwrap();
    assert_unsafe(&path, "second name");
    assert_unsafe(&second, "second name");
    Meter::open(&path, allowed).unwrap();
}

#[test]
fn what_is_no_file_is_refused() {
    let (folder, _) = folder();
    let error = Meter::open(folder.path(), quick()).unwrap_err();
    assert_eq!(error.code(), "storage_unsafe");
    let nowhere = folder.path().join("no such folder/metering.db");
    let error = Meter::open(&nowhere, quick()).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
    assert!(error.is_retryable());
}

#[test]
fn a_file_that_is_replaced_while_it_is_open_takes_no_more_writes() {
    let scene = Scene::new();
    scene.meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    let moved = scene.path().with_file_name("moved.db");
    fs::rename(scene.path(), &moved).unwrap();
    let error = scene.meter.record_call(&chat("u", "k2", 1, 1)).unwrap_err();
    assert_eq!(error.code(), "storage_replaced");
    write_seeded(&scene.path());
    let error = scene.meter.record_call(&chat("u", "k2", 1, 1)).unwrap_err();
    assert_eq!(error.code(), "storage_replaced");
    fs::rename(&moved, scene.path()).unwrap();
    assert_eq!(scene.meter.record_call(&chat("u", "k2", 1, 1)).unwrap().call_id, 2);
}

#[test]
fn handles_of_one_file_share_what_they_write() {
    let scene = Scene::new();
    let options = scene.meter.options().clone();
    let second = Meter::open(scene.path(), options.clone()).unwrap();
    let other = Meter::open(scene.path(), Options { busy_timeout_ms: 777, ..options }).unwrap();
    scene.meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    second.record_call(&chat("u", "k2", 1, 1)).unwrap();
    other.record_call(&chat("u", "k3", 1, 1)).unwrap();
    for meter in [&scene.meter, &second, &other] {
        assert_eq!(crate::scene::log(meter, "u").total_count, 3);
        assert_eq!(crate::scene::used_and_held(meter, "u", "gemini_calls"), (3, 0));
    }
}
