//! Names of rows: in the order in which they were made, and not to be guessed.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::StoreError;

/// 56 bits of time and 72 random ones, as 32 hexadecimal digits; later ones sort later, to the microsecond.
///
/// # Errors
/// When the system gives no random numbers.
pub fn new_id() -> Result<String, StoreError> {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    let mut random = [0_u8; 9];
    getrandom::fill(&mut random).map_err(|error| StoreError::Broken(format!("the system gives no random numbers: {error}")))?;
    let mut id = time_part(micros);
    for byte in random {
        // Writing into a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

/// What every name that is made from this moment on sorts after; the moment in milliseconds since 1970.
pub(super) fn first_id_at(ms: i64) -> String {
    time_part(ms.saturating_mul(1000))
}

fn time_part(micros: i64) -> String {
    // 56 bits last until the year 4253.
    format!("{:014x}", micros.clamp(0, (1 << 56) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboards::time::now_ms;

    #[test]
    fn later_ids_sort_later_and_none_is_made_twice() {
        let before = first_id_at(now_ms());
        let ids: Vec<String> = (0..3).map(|_| new_id().unwrap()).collect();
        assert!(ids.iter().all(|id| id.len() == 32 && *id > before && *id < first_id_at(now_ms() + 60_000)), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
        assert!(first_id_at(-5) < first_id_at(1) && first_id_at(999) < first_id_at(1000) && first_id_at(i64::MAX).len() == 14);
    }
}
