//! Hears which ticks other replicas have evaluated. The only file that names fred.
//!
//! A wake-up and nothing more: the window stands in Redis, where it is read through the one connection that checks everything. Who
//! hears nothing, because there is no connection or nobody speaks, asks for itself a moment later (`tick`).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::Builder;
use fred::types::config::{Config, ServerConfig, TlsConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::sync::broadcast::error::RecvError;

use super::hub::Hub;
use crate::cache::Tick;
use crate::config::{HostPort, Redis, RedisServers};

/// How often an idle subscription is looked at, and how long the server may take to confirm it once more.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Between two attempts: the first and the longest pause; it doubles.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Announcements that may wait; whoever misses one asks for itself.
const WAITING: usize = 4096;

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A PEM file that cannot be used.
    #[error("{}: {problem}", .file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS that cannot be set up.
    #[error("TLS to Redis cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The server, or the way to it.
    #[error("{0}")]
    Redis(#[from] fred::error::Error),
    /// It does not answer.
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

/// Listens, for as long as the hub lives.
pub struct Bus;

impl Bus {
    /// Begins to listen on this channel, and returns at once.
    pub fn open(hub: &Arc<Hub>, settings: Redis, channel: String) {
        tokio::spawn(keep(Arc::downgrade(hub), settings, channel));
    }
}

async fn keep(hub: Weak<Hub>, settings: Redis, channel: String) {
    let mut pause = PAUSES.0;
    let mut was_heard = None;
    // Replicas begin with different servers of a cluster, and each goes to the next one when its own is gone.
    let mut turn: usize = rand::random_range(0..1024);
    while hub.strong_count() > 0 {
        turn += 1;
        match subscribe(&settings, &channel, turn).await {
            Ok(client) => {
                if was_heard.replace(true) != Some(true) {
                    tracing::info!("ticks of other replicas are heard");
                }
                pause = PAUSES.0;
                hears(&hub, true);
                listen(&hub, &client, &channel).await;
                hears(&hub, false);
                // The server may be silent: the connection is dropped with the client all the same.
                let _ = tokio::time::timeout(LOOK_INTERVAL, client.quit()).await;
            }
            Err(error) => {
                if was_heard.replace(false) != Some(false) {
                    tracing::warn!(%error, "ticks of other replicas are not heard, this one asks for each of them: {error}");
                }
            }
        }
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn hears(hub: &Weak<Hub>, hears: bool) {
    if let Some(hub) = hub.upgrade() {
        hub.hears(hears);
    }
}

/// A connection that is made from scratch: files are read again, Sentinels are asked again.
async fn subscribe(settings: &Redis, channel: &str, turn: usize) -> Result<SubscriberClient, BusError> {
    let client = Builder::from_config(client_config(settings, turn)?)
        .with_connection_config(|connection| {
            connection.connection_timeout = settings.connect_timeout;
            connection.internal_command_timeout = settings.connect_timeout;
            connection.max_command_attempts = 1;
        })
        .with_performance_config(|performance| {
            performance.default_command_timeout = LOOK_INTERVAL;
            performance.broadcast_channel_capacity = WAITING;
        })
        .build_subscriber_client()?;
    let bound = settings.connect_timeout + LOOK_INTERVAL;
    let connect = async {
        client.init().await?;
        client.subscribe(channel).await
    };
    match tokio::time::timeout(bound, connect).await {
        Ok(Ok(())) => Ok(client),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(BusError::Silent(bound)),
    }
}

/// Until the connection ends, the server is silent when it is asked to confirm the subscription, or the hub is gone.
async fn listen(hub: &Weak<Hub>, client: &SubscriberClient, channel: &str) {
    let mut messages = client.message_rx();
    let look = async {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let again = client.subscribe(channel);
            if hub.strong_count() == 0 || !matches!(tokio::time::timeout(LOOK_INTERVAL, again).await, Ok(Ok(()))) {
                return;
            }
        }
    };
    let hear = async {
        loop {
            match messages.recv().await {
                Ok(message) => {
                    let Some(hub) = hub.upgrade() else { return };
                    if let Some(tick) = message.value.as_bytes().and_then(Tick::heard) {
                        hub.hear(&tick.digest, tick.at_ms);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    };
    tokio::select! {
        () = look => {}
        () = hear => {}
    }
}

fn client_config(settings: &Redis, turn: usize) -> Result<Config, BusError> {
    let pairs = |hosts: &[HostPort]| hosts.iter().map(|host| (host.host.clone(), host.port)).collect::<Vec<_>>();
    let server = match &settings.servers {
        RedisServers::Single(host) => ServerConfig::new_centralized(host.host.clone(), host.port),
        // Every server of a cluster passes on what is published at any of them. As a client of the whole cluster fred wants to reach all
        // of them, and hears nothing for as long as one is away.
        RedisServers::Cluster(hosts) => match hosts.get(turn % hosts.len().max(1)) {
            Some(host) => ServerConfig::new_centralized(host.host.clone(), host.port),
            None => ServerConfig::new_clustered(pairs(hosts)),
        },
        RedisServers::Sentinel { master, hosts } => {
            let mut server = ServerConfig::new_sentinel(pairs(hosts), master.clone());
            if let (ServerConfig::Sentinel { username, password, .. }, Some((user, secret))) = (&mut server, &settings.sentinel) {
                (*username, *password) = (user.clone(), Some(secret.expose().to_owned()));
            }
            server
        }
    };
    Ok(Config {
        server,
        username: settings.user.clone(),
        password: settings.password.as_ref().map(|password| password.expose().to_owned()),
        // Announcements are heard in every database: a channel belongs to none.
        database: None,
        tls: settings.tls.then(|| tls(settings)).transpose()?,
        ..Config::default()
    })
}

fn tls(settings: &Redis) -> Result<TlsConfig, BusError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match &settings.ca_file {
        Some(file) => {
            let mut trusted = rustls::RootCertStore::empty();
            for certificate in certificates(file)? {
                trusted.add(certificate)?;
            }
            builder.with_root_certificates(trusted)
        }
        None => builder.with_platform_verifier()?,
    };
    let config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
            builder.with_client_auth_cert(certificates(certificate)?, key)?
        }
    };
    Ok(config.into())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, BusError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(|error| unusable(file, error))?.collect();
    found.map_err(|error| unusable(file, error))
}

fn unusable(file: &Path, problem: impl std::fmt::Display) -> BusError {
    BusError::File { file: file.to_owned(), problem: problem.to_string() }
}
