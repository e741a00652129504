//! The bench: a store in a folder of its own, and commands run on it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Output};

use alwrity_metering_cli::{Streams, run_on};
use serde_json::Value;
use tempfile::TempDir;

/// The instant that most tests play at.
pub(crate) const NOON: &str = "2025-10-07T12:00:00Z";

/// The built command.
pub(crate) const COMMAND: &str = env!("CARGO_BIN_EXE_alwrity-metering");

/// The words of a command line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A folder with a store.
pub(crate) struct Bench {
    folder: TempDir,
}

/// How a command ended, and what it printed.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    /// A folder without a store.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a store that was seeded.
    pub(crate) fn new() -> Self {
        let bench = Self::empty();
        assert_eq!(bench.run(&["init"]).code, 0);
        bench
    }

    /// The path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of the store.
    pub(crate) fn db(&self) -> PathBuf {
        self.path("metering.db")
    }

    /// Writes a file into the folder; its path as text.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a command on the store, in this process.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let db = [OsString::from("--db"), self.db().into()];
        let args = db.into_iter().chain(args.iter().map(OsString::from));
        self.run_exactly(args)
    }

    /// Runs a command at [`NOON`].
    pub(crate) fn run_at_noon(&self, args: &[&str]) -> Ran {
        let mut all = vec!["--at", NOON];
        all.extend(args);
        self.run(&all)
    }

    /// Runs a command in this process, with exactly these arguments.
    pub(crate) fn run_exactly(&self, args: impl IntoIterator<Item = OsString>) -> Ran {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_on(
            args,
            &[COMMAND.into()],
            &mut Streams {
                out: &mut out,
                err: &mut err,
                is_out_terminal: false,
                is_err_terminal: false,
            },
        );
        self.ran(code, &out, &err)
    }

    /// Runs the built command with these arguments and variables of the environment.
    pub(crate) fn spawn(&self, args: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(COMMAND);
        command.args(args).envs(environment.iter().copied()).current_dir(self.folder.path());
        let Output { status, stdout, stderr } = command.output().unwrap();
        let code = u8::try_from(status.code().unwrap()).unwrap();
        self.ran(code, &stdout, &stderr)
    }

    /// The JSON of a command that is done.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(args);
        let ran = self.run_at_noon(&all);
        assert_eq!(ran.code, 0, "{ran}");
        ran.json()
    }

    fn ran(&self, code: u8, out: &[u8], err: &[u8]) -> Ran {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(folder, "~");
        Ran { code, out: text(out), err: text(err) }
    }
}

impl Ran {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Compares everything with what was expected, without the margin of the test's source.
    #[track_caller]
    pub(crate) fn shows(&self, expected: &str) {
        let lines: Vec<&str> = expected.trim_end().lines().skip_while(|l| l.is_empty()).collect();
        let indent = |line: &&str| line.len() - line.trim_start().len();
        let margin = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or(0);
        let expected: Vec<&str> =
            lines.iter().map(|line| line.get(margin..).unwrap_or_default()).collect();
        let (shown, expected) = (self.to_string(), expected.join("\n"));
        assert!(shown == expected, "shown:\n{shown}\n\nexpected:\n{expected}");
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}", self.code)?;
        for (name, text) in [("out", &self.out), ("err", &self.err)] {
            if !text.is_empty() {
                write!(f, "\n--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}
