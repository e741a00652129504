//! Sources: the files of this repository, and Rust files taken apart into tokens.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Folders that hold nothing of ours.
const LEFT_OUT: [&str; 6] =
    [".git", ".venv", ".mypy_cache", ".ruff_cache", "target", "__pycache__"];

/// A text file: its path from the root of the repository, with `/`, and what it holds.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }

    /// The tokens of a Rust file, in groups. Comments are none; strings are one each.
    pub(crate) fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// The path of the module that a file of the core is: `storage`, `sqlite`.
    pub(crate) fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut names: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if names.last().is_some_and(|name| name == "mod" || name == "lib") {
            names.pop();
        }
        names
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the repository, in the order of their paths.
pub(crate) fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    read_folder(&root(), "", &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "the walk over the repository found {}", sources.len());
    sources
}

fn read_folder(folder: &Path, prefix: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), sources);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            sources.push(Source { path, text });
        }
    }
}

/// A path as it is written: `crate::domain::money` is `["crate", "domain", "money"]`.
pub(crate) type Written = Vec<String>;

/// Every path of two names or more in some tokens. A tree of `use` is given as its branches.
pub(crate) fn paths(tokens: TokenStream) -> Vec<Written> {
    let mut found = Vec::new();
    scan(tokens, &mut found);
    found
}

fn scan(tokens: TokenStream, found: &mut Vec<Written>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(_) => at = path_from(&tokens, at, &[], found),
            TokenTree::Group(group) => {
                scan(group.stream(), found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads the path that begins at a name; where the tokens go on after it.
fn path_from(
    tokens: &[TokenTree],
    start: usize,
    prefix: &[String],
    found: &mut Vec<Written>,
) -> usize {
    let mut names = prefix.to_vec();
    let mut at = start;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        if !is_colons(tokens, at) {
            break;
        }
        at += 2;
        if let Some(TokenTree::Group(group)) = tokens.get(at)
            && group.delimiter() == Delimiter::Brace
        {
            branches(group.stream(), &names, found);
            return at + 1;
        }
    }
    if names.len() > 1 {
        found.push(names);
    }
    at.max(start + 1)
}

fn branches(tokens: TokenStream, prefix: &[String], found: &mut Vec<Written>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at = match &tokens[at] {
            TokenTree::Ident(_) => path_from(&tokens, at, prefix, found),
            _ => at + 1,
        };
    }
    found.push(prefix.to_vec());
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colons = tokens.get(at..at + 2).unwrap_or_default();
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ':');
    colons.len() == 2 && colons.iter().all(is_colon)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<String> {
        paths(text.parse().unwrap()).iter().map(|names| names.join("::")).collect()
    }

    #[test]
    fn paths_are_read_from_use_trees_code_and_macros() {
        let text = "use crate::{a::B, c}; \
                    fn f() -> x::Y { m!(super::z::q(1)); s.t(\"crate::no\") }";
        assert_eq!(written(text), ["crate::a::B", "crate::c", "crate", "x::Y", "super::z::q"]);
        assert!(written("// crate::a\nlet a = b;").is_empty());
    }

    #[test]
    fn a_file_is_the_module_that_its_place_says() {
        let module = |path| Source::new(path, "").module().join("::");
        assert_eq!(module("src/storage/mod.rs"), "storage");
        assert_eq!(module("src/storage/sqlite/write.rs"), "storage::sqlite::write");
        assert_eq!(module("src/lib.rs"), "");
    }
}
