//! Whether Redis answers: for `hecate check`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::dialer::{DialError, Dialer};
use super::error::ProbeError;
use crate::config::{Redis, RedisServers};

/// Connects as the server would, and asks for a sign of life. What answered, such as `Redis 7.0.15, a cluster`.
///
/// # Errors
/// When the settings cannot be used, or nothing answers in time.
pub async fn probe(settings: &Redis, patience: Duration) -> Result<String, ProbeError> {
    let dialer = Dialer::new(settings.clone())?;
    let kind = match settings.servers {
        RedisServers::Single(_) => "one server",
        RedisServers::Sentinel { .. } => "the master that Sentinels name",
        RedisServers::Cluster(_) => "a cluster",
    };
    let asked = async {
        let mut connection = dialer.connect(patience, Arc::new(Notify::new())).await?;
        redis::cmd("PING").query_async::<redis::Value>(&mut connection).await?;
        let mut server = dialer.node().await?.get_multiplexed_async_connection().await?;
        // A user without leave to ask is no reason to fail.
        Ok::<_, DialError>(redis::cmd("INFO").arg("server").query_async::<String>(&mut server).await.unwrap_or_default())
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(info)) => Ok(format!("{}, {kind}", version(&info))),
        Ok(Err(DialError::Settings(error))) => Err(error.into()),
        Ok(Err(error)) => Err(ProbeError::Answer(error.to_string())),
        Err(_) => Err(ProbeError::Timeout(patience)),
    }
}

fn version(info: &str) -> String {
    let find = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    match (find("valkey_version"), find("redis_version")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "a version that is not told".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions() {
        assert_eq!(version("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), "Redis 7.0.15");
        assert_eq!(version("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n"), "Valkey 8.1.0");
        assert_eq!(version(""), "a version that is not told");
    }
}
