//! The house: rules of the sources that no compiler checks. Each rule stands with a test that it
//! catches what it is for.

mod rooms;
mod size;
pub(crate) mod source;
mod words;

use self::source::{Source, sources};

#[track_caller]
fn assert_none(rule: &str, find: impl Fn(&[Source]) -> Vec<String>) {
    let found = find(&sources());
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn imports_run_one_way() {
    assert_none("rooms are used in the wrong direction", rooms::wrong_directions);
}

#[test]
fn files_are_short() {
    assert_none("files are too long", size::long_files);
}

#[test]
fn functions_are_short() {
    assert_none("functions are too long", size::long_functions);
}

#[test]
fn lines_fit() {
    assert_none("lines are too long", size::long_lines);
}

#[test]
fn unsafe_stays_in_its_rooms() {
    assert_none("`unsafe` stands outside its rooms", words::unsafe_files);
}

#[test]
fn file_names_say_what_is_inside() {
    assert_none("file names say nothing", words::empty_names);
}

#[test]
fn nothing_is_unfinished() {
    assert_none("unfinished work is marked", words::unfinished);
}
