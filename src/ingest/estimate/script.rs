//! Which script a character beyond ASCII belongs to, and which characters cost on their own.

use super::weights as w;

/// A script whose characters cost alike, in the order of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
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
    pub(super) fn of(code: u32) -> Self {
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
pub(super) fn own_cost(char: char) -> i64 {
    let index = u32::from(char).wrapping_sub(OWN_FIRST);
    let tenths = usize::try_from(index).ok().and_then(|index| OWN_COSTS.get(index));
    tenths.map_or(0, |tenths| i64::from(*tenths) * 100)
}

/// The number 27–31 of a Latin letter beyond ASCII.
pub(super) fn latin_letter(char: char) -> Option<u8> {
    if char >= '\u{1F00}' {
        return None;
    }
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
