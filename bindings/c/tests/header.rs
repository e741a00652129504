//! The header is made from the sources: `UPDATE_HEADER=1` writes it, else it is compared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

use std::fs;
use std::path::Path;

const BEGIN: &str = "\
// The C interface of alwrity-metering. Made from the sources, do not edit: docs/c-abi.md is the
// contract, and `UPDATE_HEADER=1 cargo test -p alwrity-metering-c --test header` writes this file.";

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

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    config.header = Some(BEGIN.to_owned());
    config.after_includes = Some(format!("\n{}", prelude()));
    let bindings = cbindgen::Builder::new().with_config(config).with_crate(root).generate();
    let mut text = Vec::new();
    bindings.unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include/alwrity_metering.h");
    let generated = generated();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &generated).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let hint = "run `UPDATE_HEADER=1 cargo test -p alwrity-metering-c --test header`";
    assert!(committed == generated, "the header is not what the sources say: {hint}");
}
