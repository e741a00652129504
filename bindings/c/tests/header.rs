//! The header is made from the sources: `UPDATE_HEADER=1` writes it, else it is compared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const BEGIN: &str = "\
// The C interface of alwrity-metering; docs/c-abi.md is its contract. Made from the sources, do
// not edit: `UPDATE_HEADER=1 cargo test -p alwrity-metering-c --test header` writes it.";

/// What stands before the types: the version, and how a text is written.
fn prelude() -> String {
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    format!(
        r#"#include <stddef.h>
#include <stdint.h>

// The version of this header; `alwm_version()` is that of the library.
#define ALWM_VERSION_MAJOR {major}
#define ALWM_VERSION_MINOR {minor}
#define ALWM_VERSION_PATCH {patch}
#define ALWM_VERSION "{version}"

// The length of a text that ends with a NUL.
#define ALWM_NUL SIZE_MAX

// An `alwm_text` of a C string; `NULL` is no text.
#ifdef __cplusplus
#define ALWM_TEXT(c_string) (alwm_text{{(c_string), ALWM_NUL}})
#else
#define ALWM_TEXT(c_string) ((alwm_text){{(c_string), ALWM_NUL}})
#endif"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn generated() -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    config.header = Some(BEGIN.to_owned());
    config.after_includes = Some(format!("\n{}", prelude()));
    let bindings = cbindgen::Builder::new().with_config(config).with_crate(package).generate();
    let mut text = Vec::new();
    bindings.unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = root().join("include/alwrity_metering.h");
    let generated = generated();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &generated).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let hint = "run `UPDATE_HEADER=1 cargo test -p alwrity-metering-c --test header`";
    assert!(committed == generated, "the header is not what the sources say: {hint}");
}

/// The files of a kind in a folder and below.
fn texts(folder: &Path, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// The functions that the header declares.
fn functions(header: &str) -> BTreeSet<String> {
    let declared = header.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    let name = |line: &str| {
        let before = line.split_once('(')?.0;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("alwm_").then(|| name.to_owned())
    };
    declared.filter_map(name).collect()
}

/// The public methods of `Meter`, from the sources of the core.
fn verbs() -> BTreeSet<String> {
    let mut verbs = BTreeSet::new();
    for text in texts(&root().join("src/meter"), "rs") {
        let mut is_inside = false;
        for line in text.lines() {
            is_inside = match line {
                "impl Meter {" => true,
                "}" => false,
                _ => is_inside,
            };
            let name = line.strip_prefix("    pub fn ").filter(|_| is_inside);
            verbs.extend(name.and_then(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        }
    }
    verbs
}

/// Verbs that have no function of their name, and what stands for them.
const ELSEWHERE: [(&str, &str); 15] = [
    ("with_store", "a store of another language is no use to C"),
    ("options", "the caller knows what it opened the meter with"),
    ("catalogue", "`alwm_plans` and `alwm_prices`"),
    ("estimate", "`alwm_estimate_text` and `alwm_estimate_request`"),
    ("put_plan", "`alwm_put_plans`"),
    ("put_price", "`alwm_put_prices`"),
    ("current_period", "`alwm_subscription` shows plan and periods"),
    ("visit_days", "`alwm_query` reads the days"),
    ("record_call_then", "`alwm_queue_call`: C has no event loop to answer to"),
    ("reserve_all_then", "`alwm_reserve_all`"),
    ("settle_then", "`alwm_queue_settle`"),
    ("release_then", "`alwm_queue_release`"),
    ("adopt_history", "another system's history is taken over once, by `import-alwrity`"),
    ("adopt_calls", "the same"),
    ("take_back", "only what answers later can be taken back"),
];

#[test]
fn every_verb_of_the_core_has_its_function() {
    let functions = functions(&generated());
    let verbs = verbs();
    assert!(verbs.len() > 60, "{verbs:?}");
    for verb in verbs {
        let is_elsewhere = ELSEWHERE.iter().any(|(name, _)| *name == verb);
        let has_own = functions.contains(&format!("alwm_{verb}"));
        assert!(is_elsewhere || has_own, "C cannot say `{verb}`");
    }
}

#[test]
fn every_function_is_called_by_a_test_in_c_and_says_since_when() {
    let header = generated();
    let tests = texts(&root().join("tests/c"), "c").concat();
    let functions = functions(&header);
    assert!(functions.len() > 100, "{functions:?}");
    for function in &functions {
        assert!(tests.contains(&format!("{function}(")), "no test in C calls `{function}`");
    }
    assert_eq!(header.matches("// Since ").count(), functions.len());
}
