//! Words: what must not stand in the sources.

use proc_macro2::{TokenStream, TokenTree};

use super::source::Source;

/// Where `unsafe` may stand: the C interface, the system calls of the SQLite file (its locks and
/// what a fork leaves behind), and the tests that do to it what only other programs would.
const UNSAFE_ROOMS: [&str; 3] = ["bindings/c/", "src/storage/sqlite/syscalls/", "tests/faults/"];

/// Words that say nothing about what a file is for.
const EMPTY_WORDS: [&str; 5] = ["util", "utils", "helper", "helpers", "manager"];

/// Marks of unfinished work, split so that this file is none.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Files that may not hold `unsafe` and do. Its name in an attribute or a lint is none.
pub(crate) fn unsafe_files(sources: &[Source]) -> Vec<String> {
    let may = |path: &str| UNSAFE_ROOMS.iter().any(|room| path.starts_with(room));
    let watched = sources.iter().filter(|source| source.is_rust() && !may(&source.path));
    watched.filter(|s| holds_unsafe(s.tokens())).map(|s| s.path.clone()).collect()
}

fn holds_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => holds_unsafe(group.stream()),
        TokenTree::Ident(word) => word == "unsafe",
        _ => false,
    })
}

/// Files whose name says nothing.
pub(crate) fn empty_names(sources: &[Source]) -> Vec<String> {
    let is_empty = |path: &str| {
        let words = path.split(|c: char| !c.is_ascii_alphabetic());
        words.map(str::to_lowercase).any(|word| EMPTY_WORDS.contains(&word.as_str()))
    };
    sources.iter().map(|s| &s.path).filter(|path| is_empty(path)).cloned().collect()
}

/// Lines that promise work instead of being done.
pub(crate) fn unfinished(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in (1..).zip(source.text.lines()) {
            if MARKS.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &str, text: &str) -> [Source; 1] {
        [Source::new(path, text)]
    }

    #[test]
    fn unsafe_is_caught_outside_its_rooms() {
        let text = "fn f() { g(|| unsafe { h() }) }";
        for path in ["src/meter/a.rs", "tests/it/a.rs", "cli/src/a.rs"] {
            assert_eq!(unsafe_files(&sample(path, text)), [path]);
        }
        for path in ["bindings/c/src/a.rs", "src/storage/sqlite/syscalls/locks.rs"] {
            assert!(unsafe_files(&sample(path, text)).is_empty(), "{path}");
        }
        let only_named = "// unsafe\nfn f() { g(\"unsafe\") }";
        assert!(unsafe_files(&sample("src/a.rs", only_named)).is_empty());
    }

    #[test]
    fn a_name_that_says_nothing_is_caught() {
        for path in ["src/util.rs", "src/plan_manager.rs", "tests/Helpers/a.py", "a/utils/b.rs"] {
            assert_eq!(empty_names(&sample(path, "")), [path]);
        }
        assert!(empty_names(&sample("src/utilisation.rs", "")).is_empty());
    }

    #[test]
    fn unfinished_work_is_caught() {
        for mark in MARKS {
            assert_eq!(unfinished(&sample("a.md", &format!("x\n  {mark} y"))).len(), 1, "{mark}");
        }
        assert!(unfinished(&sample("a.rs", "a todo list")).is_empty());
    }
}
