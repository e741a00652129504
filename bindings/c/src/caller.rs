//! The caller: the one place that turns what C gives into what Rust trusts.
//!
//! A pointer from C is a number until somebody believes it. Every function takes its caller's
//! [`Promise`] to keep docs/c-abi.md, once; whoever has the [`Caller`] that gave it may turn
//! pointers into values, and everything that can be checked (NULL, alignment, sizes, UTF-8) is
//! checked here. No other file follows a pointer.
#![allow(clippy::unused_self, reason = "to have a caller is the permission to follow pointers")]

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use alwrity_metering::{Error, Result};

use crate::text::{ALWM_NUL, alwm_text};

/// A struct of C that may grow: `repr(C)`, its first field its own size as `usize`.
///
/// # Safety
/// The type is `repr(C)`, starts with a `usize`, has no padding at its end, and every pattern of
/// bits is a value of it.
pub(crate) unsafe trait Grows: Copy {
    /// Its size in the version that brought it: no caller knows less.
    const SIZE_MIN: usize;

    /// Every field at its default, `size` being its own.
    fn initial() -> Self;
}

/// Declares a struct that grows: the last field of its first version, and all fields at their
/// defaults. Whoever adds a field leaves `up to` as it is and takes its end out of the assertion.
macro_rules! grows {
    ($type:ident, up to $last:ident: $last_type:ty, {$($field:ident: $default:expr),+ $(,)?}) => {
        // SAFETY: it is `repr(C)`; that the size comes first and the last field ends the struct
        // is asserted below; its fields are integers, pointers, texts and arrays of characters.
        unsafe impl $crate::caller::Grows for $type {
            const SIZE_MIN: usize = std::mem::offset_of!($type, $last) + size_of::<$last_type>();

            fn initial() -> Self {
                Self { $($field: $default),+ }
            }
        }

        const _: () = {
            assert!(std::mem::offset_of!($type, size) == 0);
            assert!(size_of::<$type>() == <$type as $crate::caller::Grows>::SIZE_MIN);
            assert!(size_of::<$type>() % size_of::<usize>() == 0);
        };
    };
}
pub(crate) use grows;

/// A struct of this size is no struct of ours, but whatever was in the memory.
const SIZE_MAX: usize = 1 << 16;

/// The promise of the caller of one function to keep docs/c-abi.md.
pub(crate) struct Promise(());

/// Whoever gave the promise, for as long as the function runs.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'call>(PhantomData<&'call Promise>);

/// A place for an answer that has been checked and not been written.
pub(crate) struct Place<'call, T> {
    first: NonNull<T>,
    /// The size of one, as the caller knows it.
    size: usize,
    count: usize,
    call: PhantomData<&'call mut T>,
}

/// A struct as a caller of this version gave it, or a copy of what another version's caller did.
pub(crate) enum Given<'call, T> {
    There(&'call T),
    Copied(Box<T>),
}

impl<T> Deref for Given<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::There(own) => own,
            Self::Copied(copy) => copy,
        }
    }
}

/// A pointer that is none of what its type says.
pub(crate) fn invalid(name: &'static str, value: &str, expected: &'static str) -> Error {
    Error::InvalidArgument { name, value: value.to_owned(), expected: expected.into() }
}

/// The pointer, if it is neither NULL nor misaligned.
fn checked<T>(name: &'static str, pointer: *const T) -> Result<NonNull<T>> {
    let pointer = NonNull::new(pointer.cast_mut());
    let pointer = pointer.ok_or_else(|| invalid(name, "NULL", "a pointer"))?;
    if pointer.is_aligned() {
        return Ok(pointer);
    }
    Err(invalid(name, "a misaligned pointer", "a pointer to its type"))
}

/// Whether a size that a caller gives can be one of such a struct.
fn sized<T: Grows>(name: &'static str, size: usize) -> Result<usize> {
    if (T::SIZE_MIN..=SIZE_MAX).contains(&size) {
        return Ok(size);
    }
    let expected = "a struct whose `size` is set, by its init function or to its sizeof";
    Err(Error::InvalidArgument { name, value: format!("size {size}"), expected: expected.into() })
}

impl Promise {
    /// Believes the caller of a function.
    ///
    /// # Safety
    /// What is passed to the methods of [`Caller`] comes from one call from C, whose caller keeps
    /// docs/c-abi.md: a pointer that is not NULL leads to what its type and length say, for the
    /// whole call, and nobody else writes there meanwhile.
    pub(crate) const unsafe fn given() -> Self {
        Self(())
    }

    pub(crate) const fn caller(&self) -> Caller<'_> {
        Caller(PhantomData)
    }
}

impl<'call> Caller<'call> {
    /// What a handle leads to.
    pub(crate) fn shared<T>(self, name: &'static str, pointer: *const T) -> Result<&'call T> {
        let pointer = checked(name, pointer)?;
        // SAFETY: it is neither NULL nor misaligned; it lives and is not written, as promised.
        Ok(unsafe { pointer.as_ref() })
    }

    /// What a handle leads to that belongs to one thread at a time.
    pub(crate) fn exclusive<T>(self, name: &'static str, pointer: *mut T) -> Result<&'call mut T> {
        let mut pointer = checked(name, pointer)?;
        // SAFETY: it is neither NULL nor misaligned; it lives and is the caller's alone.
        Ok(unsafe { pointer.as_mut() })
    }

    /// The bytes of a text; nothing when it is not given.
    pub(crate) fn bytes(self, name: &'static str, text: alwm_text) -> Result<Option<&'call [u8]>> {
        let first: *const u8 = text.bytes.cast();
        match (first.is_null(), text.length) {
            (true, 0 | ALWM_NUL) => Ok(None),
            (true, length) => Err(invalid(name, &format!("NULL of {length} bytes"), "a text")),
            // SAFETY: it is not NULL, and ends with a NUL, as promised.
            (false, ALWM_NUL) => Ok(Some(unsafe { CStr::from_ptr(text.bytes) }.to_bytes())),
            (false, length) if isize::try_from(length).is_err() => {
                Err(invalid(name, &format!("a text of {length} bytes"), "its length, or ALWM_NUL"))
            }
            // SAFETY: it is not NULL and leads to so many bytes, as promised; they fit in memory.
            (false, length) => Ok(Some(unsafe { std::slice::from_raw_parts(first, length) })),
        }
    }

    /// A text; nothing when it is not given.
    pub(crate) fn optional(
        self,
        name: &'static str,
        text: alwm_text,
    ) -> Result<Option<&'call str>> {
        let Some(bytes) = self.bytes(name, text)? else { return Ok(None) };
        let text = std::str::from_utf8(bytes);
        text.map(Some).map_err(|error| {
            let value = format!("bytes that are wrong from {} on", error.valid_up_to());
            Error::InvalidArgument { name, value, expected: "UTF-8".into() }
        })
    }

    /// A text that has to be given.
    pub(crate) fn text(self, name: &'static str, text: alwm_text) -> Result<&'call str> {
        self.optional(name, text)?.ok_or_else(|| invalid(name, "NULL", "a text"))
    }

    /// Several things of fixed size; none when there are 0.
    pub(crate) fn slice<T>(
        self,
        name: &'static str,
        first: *const T,
        count: usize,
    ) -> Result<&'call [T]> {
        if count == 0 {
            return Ok(&[]);
        }
        let first = checked(name, first)?;
        if count > SIZE_MAX {
            return Err(invalid(name, &count.to_string(), "at most 65536"));
        }
        // SAFETY: it is neither NULL nor misaligned and leads to so many of them, as promised.
        Ok(unsafe { std::slice::from_raw_parts(first.as_ptr(), count) })
    }

    /// A struct that may grow, with the defaults of the fields that the caller does not know.
    pub(crate) fn read<T: Grows>(
        self,
        name: &'static str,
        from: *const T,
    ) -> Result<Given<'call, T>> {
        let from = checked(name, from)?;
        // SAFETY: every such struct starts with its size.
        let size = sized::<T>(name, unsafe { from.cast::<usize>().read() })?;
        if size == size_of::<T>() {
            // SAFETY: a whole one lies there and is not written, as promised, and every pattern of
            // bits is one.
            return Ok(Given::There(unsafe { from.as_ref() }));
        }
        self.read_sized(name, from, size).map(|copy| Given::Copied(Box::new(copy)))
    }

    /// Several structs that may grow, all of the first one's size.
    pub(crate) fn read_all<T: Grows>(
        self,
        name: &'static str,
        from: *const T,
        count: usize,
    ) -> Result<Vec<T>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let from = checked(name, from)?;
        // SAFETY: every such struct starts with its size.
        let size = sized::<T>(name, unsafe { from.cast::<usize>().read() })?;
        let ends = count.checked_mul(size).filter(|bytes| isize::try_from(*bytes).is_ok());
        if ends.is_none() || size % align_of::<T>() != 0 {
            return Err(invalid(name, &format!("{count} of {size} bytes"), "fewer, of its sizeof"));
        }
        let mut all = Vec::with_capacity(count.min(SIZE_MAX));
        for place in 0..count {
            // SAFETY: so many structs of that size lie there, as promised; the product fits.
            let one = unsafe { from.byte_add(place * size) };
            // SAFETY: every such struct starts with its size.
            let own = unsafe { one.cast::<usize>().read() };
            if own != size {
                return Err(invalid(name, &format!("size {own}"), "the size of the first one"));
            }
            all.push(self.read_sized(name, one, size)?);
        }
        Ok(all)
    }

    /// Reads what both sides know of a struct; what only the caller knows has to be zero.
    fn read_sized<T: Grows>(self, name: &'static str, from: NonNull<T>, size: usize) -> Result<T> {
        if size == size_of::<T>() {
            // SAFETY: a whole one lies there, as promised, and every pattern of bits is one.
            return Ok(unsafe { from.read() });
        }
        let known = size.min(size_of::<T>());
        let mut value = T::initial();
        let bytes = (&raw mut value).cast::<u8>();
        // SAFETY: `size` bytes lie there, as promised; `value` has at least `known`, and every
        // pattern of bits is a value of it.
        unsafe { from.cast::<u8>().as_ptr().copy_to_nonoverlapping(bytes, known) };
        // SAFETY: the rest of the `size` bytes that lie there.
        let rest = unsafe {
            std::slice::from_raw_parts(from.cast::<u8>().as_ptr().add(known), size - known)
        };
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(value);
        }
        Err(invalid(name, "fields of a newer version", "fields that this version knows"))
    }

    /// Sets every default of a struct of that size.
    pub(crate) fn initialise<T: Grows>(self, out: *mut T, size: usize) -> Result<()> {
        let first = checked("out", out)?;
        let size = sized::<T>("size", size)?;
        Place { first, size, count: 1, call: PhantomData }.put(T::initial());
        Ok(())
    }

    /// A place for one struct that may grow.
    pub(crate) fn place<T: Grows>(
        self,
        name: &'static str,
        out: *mut T,
    ) -> Result<Place<'call, T>> {
        self.places(name, out, 1)
    }

    /// A place for one struct that may grow; nothing for NULL.
    pub(crate) fn wanted<T: Grows>(
        self,
        name: &'static str,
        out: *mut T,
    ) -> Result<Option<Place<'call, T>>> {
        self.wanted_all(name, out, 1)
    }

    /// A place for several structs that may grow; nothing for NULL.
    pub(crate) fn wanted_all<T: Grows>(
        self,
        name: &'static str,
        out: *mut T,
        count: usize,
    ) -> Result<Option<Place<'call, T>>> {
        if out.is_null() { Ok(None) } else { self.places(name, out, count).map(Some) }
    }

    /// A place for several structs that may grow, all of the first one's size.
    pub(crate) fn places<T: Grows>(
        self,
        name: &'static str,
        out: *mut T,
        count: usize,
    ) -> Result<Place<'call, T>> {
        let first = checked(name, out)?;
        if count == 0 {
            return Ok(Place { first, size: size_of::<T>(), count, call: PhantomData });
        }
        // SAFETY: every such struct starts with its size, which the caller has set.
        let size = sized::<T>(name, unsafe { first.cast::<usize>().read() })?;
        if size % align_of::<T>() != 0 {
            return Err(invalid(name, &format!("size {size}"), "its sizeof"));
        }
        Ok(Place { first, size, count, call: PhantomData })
    }

    /// A place for one value of fixed size.
    pub(crate) fn value<T>(self, name: &'static str, out: *mut T) -> Result<Value<'call, T>> {
        Ok(Value { first: checked(name, out)?, count: 1, call: PhantomData })
    }

    /// A place for several values of fixed size; nothing for NULL.
    pub(crate) fn wanted_values<T>(
        self,
        name: &'static str,
        out: *mut T,
        count: usize,
    ) -> Result<Option<Value<'call, T>>> {
        let Some(value) = self.wanted_value(name, out)? else { return Ok(None) };
        Ok(Some(Value { count, ..value }))
    }

    /// A place for one value of fixed size; nothing for NULL.
    pub(crate) fn wanted_value<T>(
        self,
        name: &'static str,
        out: *mut T,
    ) -> Result<Option<Value<'call, T>>> {
        if out.is_null() { Ok(None) } else { self.value(name, out).map(Some) }
    }

    /// Takes back what [`Value::put_boxed`] gave away, and sets the caller's pointer to NULL;
    /// nothing where it is NULL already.
    pub(crate) fn take_boxed<T>(
        self,
        name: &'static str,
        owner: *mut *mut T,
    ) -> Result<Option<Box<T>>> {
        if owner.is_null() {
            return Ok(None);
        }
        let owner = checked(name, owner)?;
        // SAFETY: it leads to the caller's pointer, which is read and cleared.
        let boxed = unsafe { owner.replace(std::ptr::null_mut()) };
        let Some(boxed) = NonNull::new(boxed) else { return Ok(None) };
        // SAFETY: every such pointer was made by `Box::into_raw`; this was the caller's last.
        Ok(Some(unsafe { Box::from_raw(boxed.as_ptr()) }))
    }

    /// Takes back the bytes of a text that `CString::into_raw` gave away.
    pub(crate) fn take_text(self, first: *mut c_char) {
        if !first.is_null() {
            // SAFETY: every such text was made by `CString::into_raw`; this was the last copy.
            drop(unsafe { std::ffi::CString::from_raw(first) });
        }
    }
}

impl<T: Grows> Place<'_, T> {
    /// Writes the answer: as much as the caller knows of it, zeros where the caller knows more.
    pub(crate) fn put(self, value: T) {
        if self.size == size_of::<T>() {
            // SAFETY: there is room for a whole one, as promised; its size is the caller's.
            unsafe { self.first.write(value) };
        } else {
            self.put_each(|_| Some(value));
        }
    }

    /// Writes every answer; zeros, but for the size, where there is none.
    pub(crate) fn put_each(self, value: impl Fn(usize) -> Option<T>) {
        for place in 0..self.count {
            let value = value(place);
            let known = value.as_ref().map_or(0, |_| self.size.min(size_of::<T>()));
            let from = value.as_ref().map_or(std::ptr::null(), std::ptr::from_ref).cast::<u8>();
            // SAFETY: so many structs of that size lie there, as promised, and nobody else reads
            // or writes them; `known` bytes of ours are there, none where there is no answer.
            unsafe {
                let one = self.first.cast::<u8>().add(place * self.size);
                one.add(known).write_bytes(0, self.size - known);
                if known > 0 {
                    one.as_ptr().copy_from_nonoverlapping(from, known);
                }
                one.cast::<usize>().write(self.size);
            }
        }
    }
}

/// A place for answers of fixed size that has been checked and not been written.
pub(crate) struct Value<'call, T> {
    first: NonNull<T>,
    count: usize,
    call: PhantomData<&'call mut T>,
}

impl<T> Value<'_, T> {
    /// Writes the one answer.
    pub(crate) fn put(self, value: T) {
        // SAFETY: it is neither NULL nor misaligned, and room for one, as promised.
        unsafe { self.first.write(value) };
    }

    /// Writes every answer.
    pub(crate) fn put_each(self, value: impl Fn(usize) -> T) {
        for place in 0..self.count {
            // SAFETY: it is neither NULL nor misaligned, and room for so many, as promised.
            unsafe { self.first.add(place).write(value(place)) };
        }
    }
}

impl<T> Value<'_, *mut T> {
    /// Gives a handle away, until [`Caller::take_boxed`].
    pub(crate) fn put_boxed(self, value: T) {
        self.put(Box::into_raw(Box::new(value)));
    }
}
