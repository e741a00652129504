//! The documents: what they show of the command works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::bench::COMMAND;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shell blocks of a page, in their order.
fn shell(text: &str) -> String {
    let mut script = String::new();
    let mut is_shell = false;
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) => is_shell = language == "sh",
            None if is_shell => script.extend([line, "\n"]),
            None => {}
        }
    }
    script
}

/// Runs a script as a reader would, in a folder with a new store.
fn run(script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = format!(
        "{}:{}",
        Path::new(COMMAND).parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let script = format!("alwrity-metering --db metering.db init >/dev/null\n{script}");
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap()
}

#[test]
fn every_command_that_is_shown_works() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut shown = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|kind| kind == "md")) {
        let script = shell(&fs::read_to_string(page).unwrap());
        if script.is_empty() {
            continue;
        }
        let output = run(&script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{script}\n{said}", page.display());
        shown += 1;
    }
    assert!(shown >= 3, "only {shown} pages show commands");
}

#[test]
fn a_command_that_fails_is_noticed() {
    assert!(!run("alwrity-metering --db metering.db query nonsense").status.success());
    assert_eq!(shell("```sh\na\n```\nb\n```sql\nc\n```\n"), "a\n");
}
