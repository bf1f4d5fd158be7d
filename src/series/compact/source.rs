//! Numbers of variable length, written and read.

use super::CompactError;

/// Appends a number, seven bits a byte.
pub(super) fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends a number that may be negative.
pub(super) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put(out, ((n << 1) ^ (n >> 63)) as u64);
}

/// What has not been read yet. Whatever is claimed, nothing is read beyond the end.
pub(super) struct Source<'a>(pub &'a [u8]);

impl<'a> Source<'a> {
    pub fn byte(&mut self) -> Result<u8, CompactError> {
        let (first, rest) = self.0.split_first().ok_or(CompactError::Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn take(&mut self, len: u64) -> Result<&'a [u8], CompactError> {
        let len = usize::try_from(len).map_err(|_| CompactError::Malformed)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(CompactError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn unsigned(&mut self) -> Result<u64, CompactError> {
        let mut n = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        let byte = self.byte()?;
        if byte > 1 { Err(CompactError::Malformed) } else { Ok(n | u64::from(byte) << 63) }
    }

    pub fn signed(&mut self) -> Result<i64, CompactError> {
        let n = self.unsigned()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for n in [0, 1, -1, 63, 64, -64, -65, 1 << 40, i64::MAX, i64::MIN] {
            let mut out = vec![];
            put_signed(&mut out, n);
            let mut source = Source(&out);
            assert_eq!((source.signed(), source.0.len()), (Ok(n), 0));
            assert_eq!(Source(&out[..out.len() - 1]).signed(), Err(CompactError::Malformed));
        }
        assert_eq!(Source(&[0xff; 10]).unsigned(), Err(CompactError::Malformed));
    }
}
