//! Documents of old versions, compressed.

use super::StoreError;

/// Larger texts are worked on outside of the runtime's threads: that takes more than half a millisecond.
const SMALL: usize = 64 * 1024;
/// Longest text that is unpacked, in bytes; none is longer when it is packed.
const LARGEST: usize = 16 << 20;
/// As fast as it gets; higher levels save a tenth and cost twice the time on documents like these.
const LEVEL: i32 = 1;

/// The text as zstd.
pub(super) async fn pack(text: String) -> Result<Vec<u8>, StoreError> {
    let size = text.len();
    aside(size, move || {
        zstd::bulk::compress(text.as_bytes(), LEVEL)
            .map_err(|error| StoreError::Broken(format!("a document cannot be compressed: {error}")))
    })
    .await
}

/// The text of zstd that was made of `size` bytes.
pub(super) async fn unpack(bytes: Vec<u8>, size: i64) -> Result<String, StoreError> {
    let size = usize::try_from(size).unwrap_or(0).min(LARGEST);
    aside(size, move || {
        let broken = |detail: String| StoreError::Broken(format!("a stored version cannot be read: {detail}"));
        let text = zstd::bulk::decompress(&bytes, size).map_err(|error| broken(error.to_string()))?;
        String::from_utf8(text).map_err(|error| broken(error.to_string()))
    })
    .await
}

/// Runs work on this many bytes: here when it is short, else outside of the runtime's threads.
pub(super) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if bytes <= SMALL {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Broken(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_packed_comes_out() {
        for text in [String::new(), "{}".to_owned(), "ä{\"x\":1}".repeat(50_000)] {
            let size = i64::try_from(text.len()).unwrap();
            let packed = pack(text.clone()).await.unwrap();
            assert_eq!(unpack(packed.clone(), size).await.unwrap(), text);
            if size > 100 {
                assert!(packed.len() < 1000, "{}", packed.len());
                assert!(matches!(unpack(packed, size - 1).await, Err(StoreError::Broken(_))), "more than it says it is");
            }
        }
    }
}
