//! Power cuts: a run is recorded, and the disk is rebuilt as a cut at any moment could leave it:
//! what was synced is there; of what was not, nothing, all, a torn part, or any of it in any order.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use alwrity_metering::{CallOutcome, CallRequest, Meter, Options, Reservation, Synchronous, Usage};

use crate::disk::{self, Step};
use crate::stage::{assert_verified, call, keys_recorded, open, say, small};

#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let (cuts, lost) = cut_up(Synchronous::Full);
    assert!(cuts > 100, "{cuts}");
    assert_eq!(lost, 0);
}

/// What `synchronous=normal` says it risks, and that the case above can fail: the last calls,
/// whole ones.
#[test]
fn at_normal_a_power_cut_may_lose_the_last_calls_and_breaks_nothing() {
    let (_, lost) = cut_up(Synchronous::Normal);
    assert!(lost > 0);
}

/// Lives, cuts, and tells how many cuts there were and in how many calls were lost.
fn cut_up(synchronous: Synchronous) -> (usize, usize) {
    let is_full = synchronous == Synchronous::Full;
    let level = if is_full { "full" } else { "normal" };
    let said = crate::play(&["power", level]);
    let (cuts, lost) = said.last().unwrap().split_once(' ').unwrap();
    println!("power, {level}: {cuts} cuts, {lost} of them lost acknowledged calls");
    (cuts.parse().unwrap(), lost.parse().unwrap())
}

/// What a cut leaves of the writes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Everything,
    /// The first ones, the last of them in part.
    Torn,
    /// Any of them, in any order.
    Some,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Unlink,
}

/// A file on the disk: what is surely there, and what is on its way.
#[derive(Clone, Default)]
struct File {
    synced: Option<Vec<u8>>,
    pending: Vec<Change>,
}

/// Random numbers that are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }
}

fn apply(content: &mut Option<Vec<u8>>, change: &Change) {
    match change {
        Change::Write(offset, bytes) => {
            let content = content.get_or_insert_default();
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
        Change::Truncate(length) => content.get_or_insert_default().resize(*length, 0),
        Change::Unlink => *content = None,
    }
}

impl File {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.synced, &change);
        }
    }

    /// Its content after a cut.
    fn cut(&self, left: Left, dice: &mut Dice) -> Option<Vec<u8>> {
        let mut content = self.synced.clone();
        let mut pending = self.pending.clone();
        match left {
            Left::Nothing => pending.clear(),
            Left::Everything => {}
            Left::Torn => {
                pending.truncate(dice.roll(pending.len() + 1));
                if let Some(Change::Write(_, bytes)) = pending.last_mut() {
                    // Disks write whole sectors.
                    bytes.truncate(dice.roll(bytes.len()) / 512 * 512);
                }
            }
            Left::Some => {
                pending.retain(|_| dice.roll(2) == 0);
                for place in (1..pending.len()).rev() {
                    pending.swap(place, dice.roll(place + 1));
                }
            }
        }
        for change in &pending {
            apply(&mut content, change);
        }
        content
    }
}

/// The disk at a moment of the run.
#[derive(Default)]
struct Platter {
    files: BTreeMap<PathBuf, File>,
    acknowledged: Vec<String>,
}

impl Platter {
    fn take(&mut self, step: &Step) {
        let (path, change) = match step {
            Step::Write { path, offset, bytes } => (path, Change::Write(*offset, bytes.clone())),
            Step::Truncate { path, length } => (path, Change::Truncate(*length)),
            Step::Unlink { path } => (path, Change::Unlink),
            Step::Sync { path } => {
                match self.files.get_mut(path) {
                    Some(file) => file.sync(),
                    // The folder: deletions are there now.
                    None => self.sync_deletions(),
                }
                return;
            }
            Step::Acknowledged { key } => return self.acknowledged.push(key.clone()),
        };
        self.files.entry(path.clone()).or_default().pending.push(change);
    }

    fn sync_deletions(&mut self) {
        for file in self.files.values_mut() {
            let last = file.pending.iter().rposition(|change| matches!(change, Change::Unlink));
            if let Some(last) = last {
                file.synced = None;
                file.pending.drain(..=last);
            }
        }
    }

    /// Cuts the power, and looks at what is left: how many acknowledged calls are not.
    fn cut(&self, left: Left, dice: &mut Dice) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        for (name, file) in &self.files {
            let name = name.file_name().unwrap();
            // The shared memory is made anew after a cut.
            if !name.to_str().unwrap().ends_with("-shm")
                && let Some(content) = file.cut(left, dice)
            {
                let path = folder.path().join(name);
                std::fs::write(&path, content).unwrap();
                std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            }
        }
        let meter = open(&path);
        let kept = keys_recorded(&meter, "u", &self.acknowledged);
        drop(meter);
        // Before the first call the catalogue may not have come through.
        if kept > 0 {
            assert_verified(&path);
        }
        self.acknowledged.len() - kept
    }
}

/// A life from the first open on, through a checkpoint, to the end.
fn live(path: &Path, synchronous: Synchronous) {
    drop(small(path));
    let options = Options { synchronous, ..Options::default() };
    let meter = Meter::open(path, options.clone()).unwrap();
    for number in 0..6 {
        let key = format!("k{number}");
        meter.record_call(&call("u", &key)).unwrap();
        disk::acknowledge(&key);
    }
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    let request = CallRequest { idempotency_key: Some("held".into()), ..request };
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else { panic!() };
    meter.settle("u", hold.hold_id, &CallOutcome::from(Usage::tokens(1000, 200))).unwrap();
    disk::acknowledge("held");
    meter.rebuild().unwrap();
    drop(meter);
    // The end wrote the log back and deleted it; a second life makes another.
    let meter = Meter::open(path, options).unwrap();
    meter.record_call(&call("u", "again")).unwrap();
    disk::acknowledge("again");
}

pub(crate) fn play(role: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder.path().join("warm.db")));
    disk::install();
    let lived = folder.path().join("lived");
    std::fs::create_dir(&lived).unwrap();
    disk::watch(&lived);
    disk::record_steps();
    let is_full = role == ["full"];
    let synchronous = if is_full { Synchronous::Full } else { Synchronous::Normal };
    live(&lived.join("metering.db"), synchronous);
    let steps = disk::steps();
    disk::watch(Path::new("/nowhere"));
    let (mut platter, mut dice) = (Platter::default(), Dice(7));
    let (mut cuts, mut losses) = (0, 0);
    for (number, step) in steps.iter().enumerate() {
        // At each boundary of a sync, on both sides, and now and then between.
        let is_sync = |step: Option<&Step>| matches!(step, Some(Step::Sync { .. }));
        if is_sync(Some(step)) || is_sync(steps[..number].last()) || number % 16 == 0 {
            for left in [Left::Nothing, Left::Everything, Left::Torn, Left::Some] {
                say(&format!("cut before step {number} of {}: {left:?}", steps.len()));
                let lost = platter.cut(left, &mut dice);
                assert!(lost == 0 || !is_full, "{lost} calls");
                losses += usize::from(lost > 0);
                cuts += 1;
            }
        }
        platter.take(step);
    }
    assert_eq!(platter.acknowledged.len(), 8);
    say(&format!("{cuts} {losses}"));
}
