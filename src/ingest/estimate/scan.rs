//! The class scan: one pass over a text, adding up what its runs cost in thousandths of a token.
//!
//! A run is a word, digits, punctuation, line breaks or characters of one script, cut where the
//! encodings of the field cut too. A word costs by its length and by its neighbouring letters:
//! rare neighbours are where an encoding has no token, whatever the language. No vocabulary.

use super::weights as w;

/// The class of an ASCII byte: a letter's number 1–26, a mark's 32–63, or one of these.
const CONTROL: u8 = 0;
const MARK_BASE: u8 = 32;
const DIGIT: u8 = 64;
const BLANK: u8 = 65;
const LINE_BREAK: u8 = 66;

/// Long rows of one character are cheap: after so many repeats each costs only this.
const REPEAT_AFTER: usize = 4;
const REPEAT_MARK: i64 = 40;
const REPEAT_WIDE: i64 = 63;
/// A row of line breaks is one token up to here, a row of blanks up to there.
const BREAKS_MAX: usize = 16;
const BLANKS_MAX: i64 = 128;

/// The number of `'` among the marks.
const APOSTROPHE: u8 = b'\'' - b'!';

const CLASSES: [u8; 128] = classes();

const fn classes() -> [u8; 128] {
    let mut table = [CONTROL; 128];
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

/// A script whose characters cost alike, in the order of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Marks,
    Cyrillic,
    Greek,
    Semitic,
    Alphabet,
    Symbols,
    WideMarks,
    Kana,
    Katakana,
    Kanji,
    Hangul,
    Astral,
    FullWidth,
}

impl Script {
    fn of(code: u32) -> Self {
        match code {
            ..0xC0 | 0x2000..0x2070 => Self::Marks,
            0x370..0x400 => Self::Greek,
            0x400..0x530 => Self::Cyrillic,
            0x590..0x780 | 0xFB00..0xFE00 => Self::Semitic,
            0xFF10..0xFF1A | 0xFF21..0xFF3B | 0xFF41..0xFF5B => Self::FullWidth,
            0x2070..0x2E80 | 0xD7B0..0xF900 => Self::Symbols,
            0x2E80..0x3040 | 0xFE00..0x10000 => Self::WideMarks,
            0x3040..0x30A0 => Self::Kana,
            0x30A0..0x3100 => Self::Katakana,
            0x3100..0x3130 | 0x3190..0xA000 | 0xF900..0xFB00 => Self::Kanji,
            0x3130..0x3190 | 0xAC00..0xD7B0 => Self::Hangul,
            0x10000.. => Self::Astral,
            _ => Self::Alphabet,
        }
    }
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
    Digits(i64),
    Marks(Marks),
    LineBreaks(usize),
    Script { script: Script, last: char, repeats: usize },
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
            at = match CLASSES.get(usize::from(byte)) {
                Some(1..=26) => self.letters(bytes, at),
                Some(&DIGIT) => self.digits(bytes, at),
                Some(&BLANK) => {
                    self.close();
                    self.blanks = self.blanks.saturating_add(1);
                    at + 1
                }
                Some(&LINE_BREAK) => {
                    self.line_break();
                    at + 1
                }
                Some(&CONTROL) => {
                    self.close();
                    self.join_blanks();
                    self.milli += w::CONTROL;
                    self.run = Run::Control;
                    at + 1
                }
                Some(&mark) => {
                    self.mark(mark - MARK_BASE);
                    at + 1
                }
                None => self.wide(text, at),
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
        let first = bytes[from];
        let mut word = match self.run {
            Run::Word(word) if self.blanks == 0 => word,
            _ => self.open_word(),
        };
        let mut at = from;
        let mut next = first;
        loop {
            let number = CLASSES.get(usize::from(next)).copied().unwrap_or(CONTROL);
            if !(1..=26).contains(&number) {
                break;
            }
            let is_capital = next & 0x20 == 0;
            if is_capital && !word.was_capital && word.length > 0 {
                self.milli += word_cost(&word);
                word = new_word(Lead::Nothing);
            }
            add_letter(&mut word, number, is_capital);
            at += 1;
            match bytes.get(at) {
                Some(&byte) => next = byte,
                None => break,
            }
        }
        self.run = Run::Word(word);
        at
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
        self.run = Run::Digits(open.saturating_add(i64::try_from(run).unwrap_or(i64::MAX)));
        from + run
    }

    fn mark(&mut self, mark: u8) {
        if self.blanks == 0
            && let Run::Marks(run) = &mut self.run
        {
            run.repeats = if run.last == mark { run.repeats + 1 } else { 0 };
            run.cost += if run.repeats >= REPEAT_AFTER {
                REPEAT_MARK
            } else {
                i64::from(w::MARK_PAIRS[usize::from(run.last)][usize::from(mark)])
            };
            run.last = mark;
            run.count += 1;
            return;
        }
        let after_word = self.blanks == 0 && matches!(self.run, Run::Word(_));
        self.close();
        let after_blank = self.blanks > 0;
        self.join_blanks();
        let blank = if after_blank { w::PUNCT_BLANK } else { 0 };
        let cost = w::PUNCT_START + blank + i64::from(w::FIRST_MARK[0][usize::from(mark)]);
        self.run =
            Run::Marks(Marks { last: mark, repeats: 0, count: 1, after_blank, after_word, cost });
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

    /// Reads one character that is not ASCII.
    fn wide(&mut self, text: &str, at: usize) -> usize {
        let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            return at + 1;
        };
        let end = at + char.len_utf8();
        if matches!(char, '\u{a0}' | '\u{3000}') {
            self.close();
            self.blanks = self.blanks.saturating_add(1);
            return end;
        }
        if let Some(number) = latin_letter(char) {
            self.latin(number, char.is_uppercase());
            return end;
        }
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
        end
    }

    fn latin(&mut self, number: u8, is_capital: bool) {
        let mut word = match self.run {
            Run::Word(word) if self.blanks == 0 => word,
            _ => self.open_word(),
        };
        if is_capital && !word.was_capital && word.length > 0 {
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
    fn close(&mut self) {
        self.milli += match self.run {
            Run::Word(word) => word_cost(&word),
            Run::Digits(count) => (count + 2) / 3 * 1000,
            Run::Marks(run) => run.cost.max(1000),
            // Kept open: a further line break after blanks is cheaper.
            Run::LineBreaks(_) => return,
            Run::Start | Run::Script { .. } | Run::Control => 0,
        };
        self.run = Run::Start;
    }
}

const fn new_word(lead: Lead) -> Word {
    Word { lead, last: 0, length: 0, was_capital: true, cost: 0 }
}

#[inline]
fn add_letter(word: &mut Word, number: u8, is_capital: bool) {
    word.cost += i64::from(w::LETTER_PAIRS[usize::from(word.last)][usize::from(number)]);
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
    let edge = i64::from(w::LETTER_PAIRS[usize::from(word.last)][0]);
    let cost = word.cost + lead + w::LENGTH[length] + beyond.saturating_mul(w::LONG) + edge;
    cost.max(1000)
}

/// The first and the last character of the table of own costs: Hiragana to Han.
const OWN_FIRST: u32 = 0x3040;
const OWN_LENGTH: usize = 0xA000 - 0x3040;

/// Tenths of a token by character, laid out from the lists of the weights.
static OWN_COSTS: [i8; OWN_LENGTH] = own_costs();

// Laid out by the compiler: it is never on a stack.
#[allow(clippy::large_stack_arrays)]
const fn own_costs() -> [i8; OWN_LENGTH] {
    let mut table = [0; OWN_LENGTH];
    let mut list = 0;
    while list < w::OWN.len() {
        let (tenths, characters) = w::OWN[list];
        let bytes = characters.as_bytes();
        let mut at = 0;
        // All of them take three bytes of UTF-8.
        while at + 2 < bytes.len() {
            let code = ((bytes[at] as usize & 0x0f) << 12)
                | ((bytes[at + 1] as usize & 0x3f) << 6)
                | (bytes[at + 2] as usize & 0x3f);
            table[code - OWN_FIRST as usize] = tenths;
            at += 3;
        }
        list += 1;
    }
    table
}

/// What a character costs beside its script, in thousandths of a token.
#[inline]
fn own_cost(char: char) -> i64 {
    let index = u32::from(char).wrapping_sub(OWN_FIRST);
    let tenths = usize::try_from(index).ok().and_then(|index| OWN_COSTS.get(index));
    tenths.map_or(0, |tenths| i64::from(*tenths) * 100)
}

/// The number 27–31 of a Latin letter beyond ASCII.
fn latin_letter(char: char) -> Option<u8> {
    match char {
        'ä' | 'Ä' => Some(27),
        'ö' | 'Ö' => Some(28),
        'ü' | 'Ü' => Some(29),
        'ß' => Some(30),
        '×' | '÷' => None,
        '\u{C0}'..'\u{250}' | '\u{1E00}'..'\u{1F00}' => Some(31),
        _ => None,
    }
}
