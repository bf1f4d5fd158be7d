//! From settings to connections: one server, the master that Sentinels name, a cluster; with RESP3, or RESP2 where a server
//! speaks nothing newer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, IntoConnectionInfo as _, Pipeline, ProtocolVersion, PushInfo,
    PushKind, RedisConnectionInfo, RedisError, RedisFuture, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Notify;

use super::error::RemoteError;
use crate::config::{HostPort, Redis, RedisServers};

/// Commands that may be under way on one connection before the next one waits in this process.
const PIPELINE: usize = 256;

/// Makes connections, each time from scratch: files are read again, and the Sentinels are asked again.
#[derive(Debug)]
pub(super) struct Dialer {
    settings: Redis,
    /// A server said that it does not know RESP3.
    resp2: AtomicBool,
    /// Which host of a cluster is tried next for what any of them can do.
    next_host: AtomicUsize,
}

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all servers of a cluster.
    Cluster(ClusterConnection),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error(transparent)]
    Settings(#[from] RemoteError),
    #[error("{0}")]
    Redis(#[from] RedisError),
    #[error("no connection within {0:?}")]
    Timeout(Duration),
}

impl Dialer {
    /// Checks what can be checked without a network.
    pub(super) fn new(settings: Redis) -> Result<Dialer, RemoteError> {
        // An error says that one is installed already, which is what we want.
        drop(rustls::crypto::ring::default_provider().install_default());
        let dialer = Dialer { settings, resp2: AtomicBool::new(false), next_host: AtomicUsize::new(0) };
        let certificates = dialer.certificates()?;
        dialer.client(&HostPort { host: "localhost".to_owned(), port: 1 }, certificates.as_ref()).map_err(settings_error)?;
        Ok(dialer)
    }

    /// Whether a lost connection is kept until there is a new one: other servers of a cluster may still answer.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.settings.servers, RedisServers::Cluster(_))
    }

    /// A connection for commands. `broken` is told when it ends. Bounded by `connect_timeout`.
    pub(super) async fn connect(&self, response_timeout: Duration, broken: Arc<Notify>) -> Result<Connection, DialError> {
        self.with_fallback(|| Box::pin(self.try_connect(response_timeout, broken.clone()))).await
    }

    /// A connection that only listens. In a cluster any server hears what any other publishes.
    pub(super) async fn listen(&self) -> Result<PubSub, DialError> {
        self.with_fallback(|| Box::pin(async { Ok(self.node().await?.get_async_pubsub().await?) })).await
    }

    /// The client of one server: the only one, the master, or one of the cluster in turn.
    pub(super) async fn node(&self) -> Result<Client, DialError> {
        let certificates = self.certificates()?;
        let hosts = match &self.settings.servers {
            RedisServers::Single(host) => std::slice::from_ref(host),
            RedisServers::Cluster(hosts) => hosts.as_slice(),
            RedisServers::Sentinel { master, hosts } => return self.master(master, hosts, certificates).await,
        };
        let turn = self.next_host.fetch_add(1, Relaxed) % hosts.len().max(1);
        let host = hosts.get(turn).cloned().unwrap_or_else(|| HostPort { host: String::new(), port: 0 });
        Ok(self.client(&host, certificates.as_ref())?)
    }

    async fn try_connect(&self, response_timeout: Duration, broken: Arc<Notify>) -> Result<Connection, DialError> {
        if let RedisServers::Cluster(hosts) = &self.settings.servers {
            let certificates = self.certificates()?;
            let nodes = hosts.iter().map(|host| self.address(host));
            // One retry: that is how a command follows a slot that has moved.
            let mut builder = ClusterClientBuilder::new(nodes)
                .use_protocol(self.protocol())
                .connection_timeout(self.settings.connect_timeout)
                .response_timeout(response_timeout)
                .retries(1)
                .tcp_settings(tcp());
            if let Some(user) = &self.settings.user {
                builder = builder.username(user);
            }
            if let Some(password) = &self.settings.password {
                builder = builder.password(password.expose());
            }
            if self.settings.tls {
                builder = builder.tls(TlsMode::Secure);
            }
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            return Ok(Connection::Cluster(builder.build()?.get_async_connection().await?));
        }
        let client = self.node().await?;
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(response_timeout))
            .set_pipeline_buffer_size(PIPELINE);
        if self.protocol() == ProtocolVersion::RESP3 {
            config = config.set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    broken.notify_one();
                }
                Ok::<(), redis::aio::SendError>(())
            });
        }
        Ok(Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    /// Tries with RESP3 and, when the server does not know it, once more with RESP2; which is remembered.
    async fn with_fallback<'a, T>(
        &self,
        dial: impl Fn() -> futures_util::future::BoxFuture<'a, Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let all = async {
            match dial().await {
                Err(error) if speaks_no_resp3(&error) && !self.resp2.swap(true, Relaxed) => dial().await,
                other => other,
            }
        };
        let bound = self.settings.connect_timeout;
        tokio::time::timeout(bound, all).await.unwrap_or(Err(DialError::Timeout(bound)))
    }

    async fn master(&self, master: &str, hosts: &[HostPort], certificates: Option<TlsCertificates>) -> Result<Client, DialError> {
        let sentinels = hosts.iter().map(|host| self.address(host));
        let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
            .set_client_to_redis_db(self.settings.database)
            .set_client_to_redis_protocol(self.protocol())
            .set_client_to_redis_tcp_settings(tcp())
            .set_client_to_sentinel_tcp_settings(tcp());
        if let Some(user) = &self.settings.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.settings.password {
            builder = builder.set_client_to_redis_password(password.expose());
        }
        if let Some((user, password)) = &self.settings.sentinel {
            builder = builder.set_client_to_sentinel_password(password.expose());
            if let Some(user) = user {
                builder = builder.set_client_to_sentinel_username(user);
            }
        }
        if self.settings.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure).set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = certificates {
            builder = builder.set_client_to_redis_certificates(certificates.clone()).set_client_to_sentinel_certificates(certificates);
        }
        Ok(builder.build()?.async_get_client().await?)
    }

    fn client(&self, host: &HostPort, certificates: Option<&TlsCertificates>) -> Result<Client, RedisError> {
        let mut redis = RedisConnectionInfo::default().set_protocol(self.protocol()).set_db(self.settings.database);
        if let Some(user) = &self.settings.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &self.settings.password {
            redis = redis.set_password(password.expose());
        }
        let info = self.address(host).into_connection_info()?.set_redis_settings(redis).set_tcp_settings(tcp());
        match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    fn address(&self, host: &HostPort) -> ConnectionAddr {
        if self.settings.tls {
            ConnectionAddr::TcpTls { host: host.host.clone(), port: host.port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host.host.clone(), host.port)
        }
    }

    fn protocol(&self) -> ProtocolVersion {
        if self.resp2.load(Relaxed) { ProtocolVersion::RESP2 } else { ProtocolVersion::RESP3 }
    }

    /// Small files, read when a connection is made, so that renewed certificates are used.
    fn certificates(&self) -> Result<Option<TlsCertificates>, RemoteError> {
        let settings = &self.settings;
        if !settings.tls || (settings.ca_file.is_none() && settings.client_certificate.is_none()) {
            return Ok(None);
        }
        let root_cert = settings.ca_file.as_deref().map(read).transpose()?;
        let client_tls = match &settings.client_certificate {
            Some((cert, key)) => Some(ClientTlsConfig { client_cert: read(cert)?, client_key: read(key)? }),
            None => None,
        };
        Ok(Some(TlsCertificates { client_tls, root_cert }))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, RemoteError> {
    std::fs::read(file).map_err(|source| RemoteError::File { file: file.to_owned(), source })
}

fn settings_error(error: RedisError) -> RemoteError {
    RemoteError::Settings(error.to_string())
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// Servers before Redis 6 do not know HELLO; proxies in front of Redis may not let it through.
fn speaks_no_resp3(error: &DialError) -> bool {
    let DialError::Redis(error) = error else { return false };
    let said = error.to_string();
    error.kind() == redis::ErrorKind::RESP3NotSupported || said.contains("HELLO") || said.contains("NOPROTO") || said.contains("resp3")
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::Single(connection) => connection.req_packed_command(cmd),
            Connection::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Connection::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Single(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }
}
