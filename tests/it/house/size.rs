//! Sizes: files, functions and lines short enough to be read at a glance.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::source::Source;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

/// Files whose lines are counted; data, licences and locks are none.
const COUNTED: [&str; 7] = ["c", "md", "pyi", "py", "rs", "sh", "toml"];
/// Files whose lines must fit; SQL, with its generated views, need not.
const FITTED: [&str; 6] = ["c", "md", "py", "pyi", "rs", "sh"];

/// Files of more lines than a reader keeps in mind. Plans in TOML are data.
pub(crate) fn long_files(sources: &[Source]) -> Vec<String> {
    let counted = sources.iter().filter(|source| {
        COUNTED.iter().any(|kind| source.has_extension(kind))
            && !source.path.starts_with("catalogue/")
    });
    counted
        .filter_map(|source| {
            let lines = source.text.lines().count();
            (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines", source.path))
        })
        .collect()
}

/// Lines that do not fit: of code, and of Markdown.
pub(crate) fn long_lines(sources: &[Source]) -> Vec<String> {
    let mut long = Vec::new();
    for source in sources.iter().filter(|s| FITTED.iter().any(|kind| s.has_extension(kind))) {
        let is_page = source.has_extension("md");
        for (number, line) in (1..).zip(source.text.lines()) {
            let chars = line.chars().count();
            if chars > LINE_CHARS_MAX && can_be_broken(line, is_page) {
                long.push(format!("{}:{number}: {chars} characters", source.path));
            }
        }
    }
    long
}

/// Rows of a table and words without a blank, such as a regular expression, cannot.
fn can_be_broken(line: &str, is_page: bool) -> bool {
    let line = line.trim();
    let text = line.trim_start_matches(['/', '!']).trim_start();
    let is_prose = is_page || text.len() < line.len();
    line.contains(' ') && !(is_prose && text.starts_with('|'))
}

/// Functions of more lines than fit on a screen, from `fn` to the closing brace.
pub(crate) fn long_functions(sources: &[Source]) -> Vec<String> {
    let mut long = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for Function { name, line, lines } in functions(source.tokens()) {
            if lines > FUNCTION_LINES_MAX {
                long.push(format!("{}:{line}: `{name}` has {lines} lines", source.path));
            }
        }
    }
    long
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(tokens: TokenStream) -> Vec<Function> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => found.extend(functions(group.stream())),
            TokenTree::Ident(word) if *word == "fn" => {
                let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { continue };
                let Some(last_line) = body_end(&tokens[at..]) else { continue };
                let line = word.span().start().line;
                found.push(Function { name: name.to_string(), line, lines: last_line - line + 1 });
            }
            _ => {}
        }
    }
    found
}

/// The last line of the body of a function; nothing where it only is declared.
fn body_end(tokens: &[TokenTree]) -> Option<usize> {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some(group.span_close().end().line);
            }
            TokenTree::Punct(end) if end.as_char() == ';' && end.spacing() == Spacing::Alone => {
                return None;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &str, text: &str) -> [Source; 1] {
        [Source::new(path, text)]
    }

    #[test]
    fn a_long_file_is_caught() {
        assert_eq!(long_files(&sample("a.rs", &"\n".repeat(501))), ["a.rs: 501 lines"]);
        assert!(long_files(&sample("a.rs", &"\n".repeat(500))).is_empty());
        assert!(long_files(&sample("prices.csv", &"\n".repeat(501))).is_empty());
    }

    #[test]
    fn a_long_line_is_caught_but_for_tables_and_data() {
        let line = format!("ä {}", "ä".repeat(99));
        for path in ["a.rs", "a.py", "a.md", "a.sh"] {
            assert_eq!(long_lines(&sample(path, &line)), [format!("{path}:1: 101 characters")]);
            assert!(long_lines(&sample(path, &line.replace(' ', ""))).is_empty(), "{path}");
        }
        let row = format!("| {line} |");
        assert!(long_lines(&sample("a.md", &row)).is_empty());
        assert!(long_lines(&sample("a.rs", &format!("//! {row}"))).is_empty());
        assert_eq!(long_lines(&sample("a.rs", &row)).len(), 1);
        assert!(long_lines(&sample("V01.sql", &line)).is_empty());
    }

    #[test]
    fn a_long_function_is_caught_wherever_it_stands() {
        for (before, after) in [("", ""), ("impl A {", "}"), ("mod m {", "}"), ("m! {", "}")] {
            let found = |lines: usize| {
                let body = "\n    x();".repeat(lines - 2);
                let text = format!("{before}fn f(a: [u8; 2]) -> u8 {{{body}\n}}{after}");
                long_functions(&sample("a.rs", &text))
            };
            assert_eq!(found(71), ["a.rs:1: `f` has 71 lines"], "{before}");
            assert!(found(70).is_empty(), "{before}");
        }
        assert!(long_functions(&sample("a.rs", "trait T { fn f(); }\nstruct S {}")).is_empty());
    }
}
