//! Texts: those that C gives, and those that it is given.

use std::ffi::{CString, c_char};

use alwrity_metering::{Error, Result};
use serde::Serialize;

use crate::answer::kept;
use crate::caller::{Promise, Value};

/// The length of a text that ends with a NUL.
pub const ALWM_NUL: usize = usize::MAX;

/// A text of the caller's, in UTF-8; only borrowed for the call. `ALWM_TEXT("…")` makes one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_text {
    /// The first byte; `NULL` means that the text is not given.
    pub bytes: *const c_char,
    /// How many bytes; `ALWM_NUL` for all up to the NUL.
    pub length: usize,
}

impl alwm_text {
    /// No text.
    pub(crate) const NONE: Self = Self { bytes: std::ptr::null(), length: 0 };
}

/// A text that the library made, with a NUL at its end; `alwm_string_free` frees it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_string {
    /// The first byte.
    pub bytes: *mut c_char,
    /// How many bytes, without the NUL.
    pub length: usize,
}

impl Value<'_, alwm_string> {
    /// Gives a text away.
    pub(crate) fn put_text(self, text: String) -> Result<()> {
        let length = text.len();
        // A text may hold a NUL; JSON never does.
        let text = CString::new(text)
            .map_err(|_| Error::Internal { reason: "an answer with a NUL".to_owned() })?;
        self.put(alwm_string { bytes: text.into_raw(), length });
        Ok(())
    }
}

/// The answer as JSON, if it is wanted.
pub(crate) fn put_json(
    json: Option<Value<'_, alwm_string>>,
    answer: &impl Serialize,
) -> Result<()> {
    let Some(json) = json else { return Ok(()) };
    let text = serde_json::to_string(answer);
    json.put_text(text.map_err(|error| Error::Internal { reason: error.to_string() })?)
}

/// A text in a struct of C: cut at a whole character where it does not fit, the rest NULs.
pub(crate) fn fixed<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut end = text.len().min(SIZE - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut fixed = [0; SIZE];
    for (to, from) in fixed[..end].iter_mut().zip(text[..end].bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    fixed
}

/// Frees a text of the library and clears it; does nothing for `NULL` or a cleared one.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_string_free(string: *mut alwm_string) {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        if string.is_null() {
            return Ok(());
        }
        let string = caller.exclusive("string", string)?;
        caller.take_text(std::mem::replace(&mut string.bytes, std::ptr::null_mut()));
        string.length = 0;
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<const SIZE: usize>(text: &str) -> String {
        let bytes: Vec<u8> = fixed::<SIZE>(text).iter().map(|c| c.to_ne_bytes()[0]).collect();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(bytes[..end].to_vec()).unwrap()
    }

    #[test]
    fn a_text_is_cut_at_a_whole_character_and_ends_with_a_nul() {
        assert_eq!(shown::<4>("abc"), "abc");
        assert_eq!(shown::<4>("abcd"), "abc");
        assert_eq!(shown::<4>("aäöü"), "aä");
        assert_eq!(shown::<4>("日本"), "日");
        assert_eq!(shown::<3>("日本"), "");
    }
}
