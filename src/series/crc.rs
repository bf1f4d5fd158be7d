//! Joining CRC-32 values: `crc(a ++ b) = crc(a) * x^(8 * len(b)) + crc(b)`, as polynomials modulo the CRC's own.
//!
//! The factor for a length is computed once and kept beside the text, so joining is one multiplication.

const POLY: u32 = 0xedb8_8320;

/// The product of two polynomials, bit-reflected (the highest bit is x^0), one bit after the other.
const fn multiply_slowly(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 0;
    while bit < 32 {
        product ^= b & ((a << bit) as i32 >> 31) as u32;
        b = (b >> 1) ^ (POLY & (b & 1).wrapping_neg());
        bit += 1;
    }
    product
}

/// A byte times x^8, x^16, x^24, x^32.
const BYTES: [[u32; 256]; 4] = {
    let mut table = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut k = 0;
        while k < 4 {
            table[k][byte] = multiply_slowly(byte as u32, if k == 3 { POLY } else { 1 << (23 - 8 * k) });
            k += 1;
        }
        byte += 1;
    }
    table
};

/// The product: first without the modulus, whose 32 steps do not wait for each other, then its far half reduced by table.
#[inline]
pub(super) fn multiply(a: u32, b: u32) -> u32 {
    let mut product = 0u64;
    for bit in 0..32 {
        product ^= (u64::from(a) << bit) & u64::from(b >> bit & 1).wrapping_neg();
    }
    let [near, far] = [(product << 1 >> 32) as u32, (product << 1) as u32];
    let [b0, b1, b2, b3] = far.to_le_bytes().map(usize::from);
    near ^ BYTES[3][b0] ^ BYTES[2][b1] ^ BYTES[1][b2] ^ BYTES[0][b3]
}

/// x^(8 * 2^k) for every k.
const SQUARES: [u32; 32] = {
    let mut table = [0; 32];
    let mut power = 1 << 23; // x^8
    let mut k = 0;
    while k < 32 {
        table[k] = power;
        power = multiply_slowly(power, power);
        k += 1;
    }
    table
};

/// The factor that moves a CRC over `len` following bytes.
pub(super) fn factor(mut len: u32) -> u32 {
    let mut product = 1 << 31;
    while len != 0 {
        product = multiply(product, SQUARES[len.trailing_zeros() as usize]);
        len &= len - 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_products_agree() {
        let mut x = 0x9e37_79b9u32;
        for _ in 0..10_000 {
            let a = x;
            x = x.wrapping_mul(0x2c1b_3c6d).rotate_left(13) ^ 0x297a_2d39;
            assert_eq!(multiply(a, x), multiply_slowly(a, x));
        }
    }

    #[test]
    fn joins_like_hashing_the_whole() {
        let text: Vec<u8> = (0..100_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
        for cut in [0, 1, 2, 31, 4096, 65_535, 99_999, 100_000] {
            let (a, b) = text.split_at(cut);
            assert_eq!(multiply(factor(b.len() as u32), crc32fast::hash(a)) ^ crc32fast::hash(b), crc32fast::hash(&text));
        }
    }
}
