//! The class scan: one pass over a text, adding up what its runs cost in thousandths of a token.
//!
//! A run is a word, digits, punctuation, line breaks or characters of one script, cut where the
//! encodings of the field cut too. A word costs by its length and by its neighbouring letters:
//! rare neighbours are where an encoding has no token, whatever the language. No vocabulary.

use super::script::{Script, latin_letter, own_cost};
use super::weights as w;
use crate::ingest::work::visited;

/// The class of a byte: a letter's number 1–26, a mark's 32–63, or one of these.
const CONTROL: u8 = 0;
const MARK_BASE: u8 = 32;
const DIGIT: u8 = 64;
const BLANK: u8 = 65;
const LINE_BREAK: u8 = 66;
const WIDE: u8 = 67;

/// Long rows of one character are cheap: after so many repeats each costs only this.
const REPEAT_AFTER: usize = 4;
const REPEAT_MARK: i64 = 40;
const REPEAT_WIDE: i64 = 63;
/// A row of line breaks is one token up to here, a row of blanks up to there.
const BREAKS_MAX: usize = 16;
const BLANKS_MAX: i64 = 128;

/// The number of `'` among the marks.
const APOSTROPHE: u8 = b'\'' - b'!';

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [WIDE; 256];
    let mut byte = 0_u8;
    let mut mark = MARK_BASE;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'a'..=b'z' => byte - b'a' + 1,
            b'A'..=b'Z' => byte - b'A' + 1,
            b'0'..=b'9' => DIGIT,
            b' ' | b'\t' | 0x0b | 0x0c => BLANK,
            b'\r' | b'\n' => LINE_BREAK,
            _ if byte.is_ascii_punctuation() => {
                mark += 1;
                mark - 1
            }
            _ => CONTROL,
        };
        byte += 1;
    }
    table
}

/// What stands before a word, in the order of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Blank,
    Nothing,
    Mark,
    Apostrophe,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    lead: Lead,
    /// The number of the last letter.
    last: u8,
    length: usize,
    was_capital: bool,
    cost: i64,
}

#[derive(Clone, Copy, Debug)]
struct Marks {
    /// The number of the last mark, and how often it stood in a row before.
    last: u8,
    repeats: usize,
    count: usize,
    after_blank: bool,
    after_word: bool,
    cost: i64,
}

/// The run that is still open.
#[derive(Clone, Copy, Debug)]
enum Run {
    Start,
    Word(Word),
    /// A word whose cost is added already.
    WordEnd,
    Digits(i64),
    Marks(Marks),
    LineBreaks(usize),
    Script {
        script: Script,
        last: char,
        repeats: usize,
    },
    Control,
}

/// A running estimate of the tokens of a text that arrives in pieces, in one pass.
///
/// ```
/// use alwrity_metering::ingest::{TokenScan, estimate_tokens};
/// let mut scan = TokenScan::new();
/// scan.push("One text, ");
/// scan.push("in two pieces.");
/// assert_eq!(scan.tokens(), estimate_tokens("One text, in two pieces."));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokenScan {
    milli: i64,
    blanks: i64,
    run: Run,
    is_empty: bool,
}

impl Default for TokenScan {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenScan {
    /// Nothing read yet.
    pub const fn new() -> Self {
        Self { milli: 0, blanks: 0, run: Run::Start, is_empty: true }
    }

    /// Reads the next piece of the text.
    pub fn push(&mut self, text: &str) {
        self.is_empty &= text.is_empty();
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match CLASSES[usize::from(byte)] {
                1..=26 => self.letters(bytes, at),
                DIGIT => self.digits(bytes, at),
                BLANK => self.blanks(bytes, at),
                LINE_BREAK => {
                    visited(1);
                    self.line_break();
                    at + 1
                }
                CONTROL => {
                    self.close();
                    self.join_blanks();
                    self.milli += w::CONTROL;
                    self.run = Run::Control;
                    at + 1
                }
                WIDE => self.wide(text, at),
                _ => self.marks(bytes, at),
            };
        }
    }

    /// The estimate so far, in tokens: at least 1 once any text was read.
    pub fn tokens(&self) -> i64 {
        let mut whole = *self;
        whole.close();
        if whole.blanks > 0 {
            whole.milli += w::BLANKS + whole.blanks / BLANKS_MAX * 1000;
        }
        ((whole.milli + 500) / 1000).max(i64::from(!self.is_empty))
    }

    /// Reads a run of ASCII letters, in the loop that most of a text is spent in.
    #[inline]
    fn letters(&mut self, bytes: &[u8], from: usize) -> usize {
        let mut word = match self.run {
            Run::Word(word) if self.blanks == 0 => word,
            _ => self.open_word(),
        };
        let mut at = from;
        while let Some(&byte) = bytes.get(at) {
            let number = CLASSES[usize::from(byte)];
            visited(1);
            if !(1..=26).contains(&number) {
                // Only another letter could go on with the word, and it is not ASCII.
                if number != WIDE {
                    self.milli += word_cost(&word);
                    self.run = Run::WordEnd;
                    return at;
                }
                break;
            }
            let is_capital = byte & 0x20 == 0;
            if is_capital && !word.was_capital {
                self.milli += word_cost(&word);
                word = new_word(Lead::Nothing);
            }
            add_letter(&mut word, number, is_capital);
            at += 1;
        }
        self.run = Run::Word(word);
        at
    }

    #[inline]
    fn blanks(&mut self, bytes: &[u8], from: usize) -> usize {
        self.close();
        let rest = bytes.get(from + 1..).unwrap_or_default();
        let more = rest.iter().take_while(|byte| CLASSES[usize::from(**byte)] == BLANK).count();
        visited(more + 1);
        let count = i64::try_from(more).unwrap_or(i64::MAX).saturating_add(1);
        self.blanks = self.blanks.saturating_add(count);
        from + 1 + more
    }

    /// Closes what was open and opens a word with the lead that it takes from there.
    fn open_word(&mut self) -> Word {
        if self.blanks > 0 {
            self.close();
            self.join_blanks();
            return new_word(Lead::Blank);
        }
        if let Run::Marks(Marks { last, count: 1, after_blank: false, after_word, .. }) = self.run {
            // One free mark joins the word, so its own cost is dropped.
            let is_apostrophe = after_word && last == APOSTROPHE;
            return new_word(if is_apostrophe { Lead::Apostrophe } else { Lead::Mark });
        }
        self.close();
        new_word(Lead::Nothing)
    }

    fn digits(&mut self, bytes: &[u8], from: usize) -> usize {
        let open = match self.run {
            Run::Digits(open) if self.blanks == 0 => open,
            _ => {
                self.close();
                if self.blanks > 0 {
                    self.milli += w::BLANK_DIGIT;
                }
                self.join_blanks();
                0
            }
        };
        let run = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        visited(run);
        self.run = Run::Digits(open.saturating_add(i64::try_from(run).unwrap_or(i64::MAX)));
        from + run
    }

    /// Reads a run of ASCII punctuation.
    #[inline]
    fn marks(&mut self, bytes: &[u8], from: usize) -> usize {
        let (mut run, mut at) = match self.run {
            Run::Marks(run) if self.blanks == 0 => (run, from),
            _ => (self.open_marks(CLASSES[usize::from(bytes[from])] & 31), from + 1),
        };
        while let Some(&byte) = bytes.get(at) {
            visited(1);
            let mark = CLASSES[usize::from(byte)];
            if !(MARK_BASE..DIGIT).contains(&mark) {
                break;
            }
            let mark = mark & 31;
            run.repeats = if run.last == mark { run.repeats + 1 } else { 0 };
            run.cost += if run.repeats >= REPEAT_AFTER {
                REPEAT_MARK
            } else {
                i64::from(w::MARK_PAIRS[usize::from(run.last & 31)][usize::from(mark)])
            };
            run.last = mark;
            run.count += 1;
            at += 1;
        }
        self.run = Run::Marks(run);
        at
    }

    fn open_marks(&mut self, mark: u8) -> Marks {
        let after_word = self.blanks == 0 && matches!(self.run, Run::Word(_) | Run::WordEnd);
        self.close();
        let after_blank = self.blanks > 0;
        self.join_blanks();
        let blank = if after_blank { w::PUNCT_BLANK } else { 0 };
        let cost = w::PUNCT_START + blank + i64::from(w::FIRST_MARK[0][usize::from(mark)]);
        Marks { last: mark, repeats: 0, count: 1, after_blank, after_word, cost }
    }

    fn line_break(&mut self) {
        let (cost, count) = match self.run {
            Run::LineBreaks(count) if self.blanks == 0 => {
                (if count < BREAKS_MAX { 0 } else { REPEAT_WIDE }, count + 1)
            }
            Run::LineBreaks(_) => (w::NEWLINE_MORE, 1),
            Run::Marks(_) if self.blanks == 0 => (w::PUNCT_NEWLINE, 1),
            _ => (w::NEWLINE, 1),
        };
        self.close();
        self.milli += cost;
        self.blanks = 0;
        self.run = Run::LineBreaks(count);
    }

    /// Reads characters that are not ASCII, up to one that is.
    fn wide(&mut self, text: &str, from: usize) -> usize {
        let Some(rest) = text.get(from..) else { return text.len() };
        let mut at = from;
        for char in rest.chars() {
            visited(char.len_utf8());
            if char.is_ascii() {
                break;
            }
            at += char.len_utf8();
            if matches!(char, '\u{a0}' | '\u{3000}') {
                self.close();
                self.blanks = self.blanks.saturating_add(1);
            } else if let Some(number) = latin_letter(char) {
                self.latin(number, char.is_uppercase());
            } else {
                self.character(char);
            }
        }
        at
    }

    /// Adds one character of a script that is not Latin.
    #[inline]
    fn character(&mut self, char: char) {
        let script = Script::of(u32::from(char));
        let (run, each) = w::SCRIPT[script as usize];
        let repeats = match self.run {
            Run::Script { script: open, last, repeats } if self.blanks == 0 && open == script => {
                if last == char {
                    repeats + 1
                } else {
                    0
                }
            }
            _ => {
                self.close();
                self.join_blanks();
                self.milli += run;
                0
            }
        };
        let is_row = repeats >= REPEAT_AFTER && matches!(script, Script::Marks | Script::Symbols);
        self.milli += if is_row { REPEAT_WIDE } else { each + own_cost(char) };
        self.run = Run::Script { script, last: char, repeats };
    }

    fn latin(&mut self, number: u8, is_capital: bool) {
        let mut word = match self.run {
            Run::Word(word) if self.blanks == 0 => word,
            _ => self.open_word(),
        };
        if is_capital && !word.was_capital {
            self.milli += word_cost(&word);
            word = new_word(Lead::Nothing);
        }
        add_letter(&mut word, number, is_capital);
        self.run = Run::Word(word);
    }

    /// Blanks before a run: the last joins it, the others are a run of their own.
    fn join_blanks(&mut self) {
        if self.blanks > 1 {
            self.milli += w::BLANKS + self.blanks / BLANKS_MAX * 1000;
        }
        self.blanks = 0;
    }

    /// Adds the cost of the open run; after a second call nothing more is added.
    #[inline]
    fn close(&mut self) {
        self.milli += match self.run {
            Run::Word(word) => word_cost(&word),
            Run::Digits(count) => (count + 2) / 3 * 1000,
            Run::Marks(run) => run.cost.max(1000),
            // Kept open: a further line break after blanks is cheaper.
            Run::LineBreaks(_) => return,
            Run::Start | Run::WordEnd | Run::Script { .. } | Run::Control => 0,
        };
        self.run = Run::Start;
    }
}

const fn new_word(lead: Lead) -> Word {
    Word { lead, last: 0, length: 0, was_capital: true, cost: 0 }
}

#[inline]
fn add_letter(word: &mut Word, number: u8, is_capital: bool) {
    word.cost += i64::from(w::LETTER_PAIRS[usize::from(word.last & 31)][usize::from(number & 31)]);
    if is_capital {
        word.cost += if word.length == 0 { w::CAPITAL } else { w::CAPITALS };
    }
    word.last = number;
    word.length += 1;
    word.was_capital = is_capital;
}

/// The whole cost of a word: at least one token, but for a contraction.
#[inline]
fn word_cost(word: &Word) -> i64 {
    if word.lead == Lead::Apostrophe && word.length <= 2 {
        return w::CONTRACTION;
    }
    let lead = match word.lead {
        Lead::Blank => w::LEAD[0],
        Lead::Nothing => w::LEAD[1],
        Lead::Mark | Lead::Apostrophe => w::LEAD[2],
    };
    let (length, beyond) = match word.length.checked_sub(w::LENGTH.len() - 1) {
        None => (word.length, 0),
        Some(beyond) => (w::LENGTH.len() - 1, i64::try_from(beyond).unwrap_or(i64::MAX)),
    };
    let edge = i64::from(w::LETTER_PAIRS[usize::from(word.last & 31)][0]);
    let cost = word.cost + lead + w::LENGTH[length] + beyond.saturating_mul(w::LONG) + edge;
    cost.max(1000)
}
