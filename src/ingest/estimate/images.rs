//! What an image costs as input: by its size, after each vendor's rule.

use serde::Serialize;

use crate::ingest::detect::normalise_model;

/// The size of an image in pixels, each side from 1 to 65 535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Pixels across.
    pub width: i64,
    /// Pixels down.
    pub height: i64,
}

/// What an image is taken for when its size cannot be seen.
pub(super) const UNSEEN: ImageSize = ImageSize { width: 1024, height: 1024 };

/// How a family of models counts an image.
#[derive(Clone, Copy, Debug)]
enum ImageRule {
    /// Fit into 2048², shorter side to 768, then a base and so much for each tile of 512².
    Tiles { base: i64, tile: i64 },
    /// Patches of 32², at most 1536, times a percentage.
    Patches { percent: i64 },
    /// Longer side to 1568, then one token for so many pixels, at most so many.
    Area { pixels: i64, most: i64 },
    /// One price up to 384², else so much for each tile of 768².
    SmallOrTiles { tile: i64 },
    /// The same whatever the size.
    Flat(i64),
}

/// By the beginning of the normalised model name; the first that fits counts.
const RULES: [(&str, ImageRule); 20] = [
    ("gpt-4o-mini", ImageRule::Tiles { base: 2833, tile: 5667 }),
    ("gpt-4.1-mini", ImageRule::Patches { percent: 162 }),
    ("gpt-4.1-nano", ImageRule::Patches { percent: 246 }),
    ("gpt-5-mini", ImageRule::Patches { percent: 162 }),
    ("gpt-5-nano", ImageRule::Patches { percent: 246 }),
    ("o4-mini", ImageRule::Patches { percent: 172 }),
    ("gpt-5", ImageRule::Tiles { base: 70, tile: 140 }),
    ("o1", ImageRule::Tiles { base: 75, tile: 150 }),
    ("o3", ImageRule::Tiles { base: 75, tile: 150 }),
    ("gpt-", ImageRule::Tiles { base: 85, tile: 170 }),
    ("chatgpt-", ImageRule::Tiles { base: 85, tile: 170 }),
    ("claude", ImageRule::Area { pixels: 750, most: 1_600 }),
    ("gemini-3", ImageRule::Flat(1_120)),
    ("gemini", ImageRule::SmallOrTiles { tile: 258 }),
    ("gemma", ImageRule::Flat(256)),
    ("grok", ImageRule::Tiles { base: 256, tile: 256 }),
    ("pixtral", ImageRule::Area { pixels: 256, most: 4_096 }),
    ("mistral", ImageRule::Area { pixels: 256, most: 4_096 }),
    ("ministral", ImageRule::Area { pixels: 256, most: 4_096 }),
    ("magistral", ImageRule::Area { pixels: 256, most: 4_096 }),
];
const DEFAULT_RULE: ImageRule = ImageRule::Tiles { base: 85, tile: 170 };

/// The input tokens of one image for a model; `None` stands for an unseen size, taken as 1024².
///
/// A low detail counts as the base of a rule that has tiles.
///
/// ```
/// use alwrity_metering::ingest::{ImageSize, image_tokens};
/// let size = ImageSize { width: 1024, height: 1024 };
/// assert_eq!(image_tokens("gpt-4o", Some(size), false), 765);
/// assert_eq!(image_tokens("gpt-4o", Some(size), true), 85);
/// assert_eq!(image_tokens("claude-sonnet-4-5", Some(size), false), 1_399);
/// ```
pub fn image_tokens(model: &str, size: Option<ImageSize>, is_low_detail: bool) -> i64 {
    let name = normalise_model(model).name;
    let found = RULES.iter().find(|(prefix, _)| name.starts_with(prefix));
    let ImageSize { width, height } = size.unwrap_or(UNSEEN);
    let (width, height) = (width.clamp(1, 65_535), height.clamp(1, 65_535));
    match found.map_or(DEFAULT_RULE, |(_, rule)| *rule) {
        ImageRule::Flat(tokens) => tokens,
        ImageRule::Tiles { base, .. } if is_low_detail => base,
        ImageRule::Tiles { base, tile } => {
            let (width, height) = shrink(width, height, 2048);
            let shorter = width.min(height);
            let (width, height) = if shorter > 768 {
                (up(width * 768, shorter), up(height * 768, shorter))
            } else {
                (width, height)
            };
            base + tile * up(width, 512) * up(height, 512)
        }
        ImageRule::Patches { percent } => {
            up((up(width, 32) * up(height, 32)).min(1536) * percent, 100)
        }
        ImageRule::Area { pixels, most } => {
            let (width, height) = shrink(width, height, 1568);
            up(width * height, pixels).min(most)
        }
        ImageRule::SmallOrTiles { tile } if width <= 384 && height <= 384 => tile,
        ImageRule::SmallOrTiles { tile } => tile * up(width, 768) * up(height, 768),
    }
}

fn up(amount: i64, by: i64) -> i64 {
    (amount + by - 1) / by.max(1)
}

/// The size with the longer side brought down to `side`.
fn shrink(width: i64, height: i64, side: i64) -> (i64, i64) {
    let longer = width.max(height);
    if longer <= side {
        return (width, height);
    }
    (up(width * side, longer), up(height * side, longer))
}

/// The size of a PNG, GIF, WebP or JPEG image from its first bytes.
///
/// ```
/// use alwrity_metering::ingest::{ImageSize, image_size};
/// let gif = b"GIF89a\x40\x01\xf0\x00";
/// assert_eq!(image_size(gif), Some(ImageSize { width: 320, height: 240 }));
/// assert_eq!(image_size(b"plain text"), None);
/// ```
pub fn image_size(bytes: &[u8]) -> Option<ImageSize> {
    let (width, height) = match bytes {
        [0x89, b'P', b'N', b'G', ..] => (big(bytes, 16, 4)?, big(bytes, 20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => (little(bytes, 6, 2)?, little(bytes, 8, 2)?),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes)?,
        [0xff, 0xd8, ..] => jpeg(bytes)?,
        _ => return None,
    };
    let is_size = (1..=65_535).contains(&width) && (1..=65_535).contains(&height);
    is_size.then_some(ImageSize { width, height })
}

fn webp(bytes: &[u8]) -> Option<(i64, i64)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let packed = little(bytes, 21, 4)?;
            Some(((packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// Walks a JPEG's segments to the one that holds the size; each step goes forward.
fn jpeg(bytes: &[u8]) -> Option<(i64, i64)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => at += 1,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            _ => at += 2 + usize::try_from(big(bytes, at + 2, 2)?).ok()?,
        }
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<i64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().fold(0, |value, byte| value << 8 | i64::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<i64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte)))
}

/// The size of an image that is given as base64 text, seen from at most its first 64 KiB.
pub(super) fn base64_image_size(text: &str) -> Option<ImageSize> {
    let mut bytes = Vec::with_capacity(1024);
    let (mut held, mut bits) = (0_u32, 0);
    for (index, byte) in text.bytes().take(87_400).enumerate() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        held = (held << 6 | u32::from(value)) & 0x00ff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or(0));
        }
        // Most sizes stand in the first bytes; a JPEG may need more.
        if index == 63
            && let Some(size) = image_size(&bytes)
        {
            return Some(size);
        }
    }
    image_size(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_of_the_usual_formats() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x06\0\0\0";
        assert_eq!(image_size(png), Some(ImageSize { width: 640, height: 480 }));
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\xf0\x01\x40\x03";
        assert_eq!(image_size(jpeg), Some(ImageSize { width: 320, height: 240 }));
        let webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0";
        assert_eq!(image_size(webp), Some(ImageSize { width: 320, height: 240 }));
        let base64 = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAYAAAA10dzkAAAAAXNSR0IArs4c6QAAAARnQU1BAACx";
        assert_eq!(base64_image_size(base64), Some(ImageSize { width: 640, height: 480 }));
        for broken in [&b""[..], b"\xff\xd8\xff\xff\xff", b"\x89PNG", b"RIFF0000WEBPVP8 "] {
            assert_eq!(image_size(broken), None);
        }
        assert_eq!(base64_image_size("not base64!"), None);
    }

    #[test]
    fn each_family_counts_by_its_own_rule() {
        let size = |width, height| Some(ImageSize { width, height });
        for (model, of, tokens) in [
            ("gpt-4o", size(2048, 4096), 1_105),
            ("gpt-4o", size(512, 512), 255),
            ("openai/gpt-4o-mini", size(512, 512), 8_500),
            ("gpt-4.1-mini", size(1024, 1024), 1_659),
            ("claude-3-5-sonnet-20241022", size(200, 200), 54),
            ("claude-3-5-sonnet-20241022", size(8000, 8000), 1_600),
            ("models/gemini-2.5-flash", size(300, 300), 258),
            ("gemini-2.5-flash", size(1000, 1000), 1_032),
            ("gemini-3-pro", None, 1_120),
            ("nobody-knows", None, 765),
        ] {
            assert_eq!(image_tokens(model, of, false), tokens, "{model} {of:?}");
        }
    }
}
