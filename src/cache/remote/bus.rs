//! The one subscription of this process: wake-ups for those who follow a lease, and notices.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::Msg;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::task::JoinHandle;

use super::core::Core;
use super::followers::{LeaseId, Word};
use super::line::Pauses;
use super::notices;

/// How often an idle subscription is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Bus {
    listener: JoinHandle<()>,
}

impl Bus {
    /// Begins to listen, and returns at once.
    pub(super) fn open(core: &Arc<Core>) -> Bus {
        Bus { listener: tokio::spawn(keep(core.clone())) }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn keep(core: Arc<Core>) {
    let connected = core.metrics.connected("subscription");
    let mut pauses = Pauses::default();
    loop {
        // An error is told by the connection for requests, which goes to the same servers.
        if let Ok((sink, stream)) = subscribe(&core).await {
            core.hears.store(true, Relaxed);
            connected.set(1);
            pauses = Pauses::default();
            // Whatever was published while nobody listened.
            core.followers.tell_all(Word::Look);
            tokio::select! {
                () = listen(&core, sink, stream) => {}
                () = async { notices::replay(&core).await; std::future::pending().await } => {}
            }
            core.hears.store(false, Relaxed);
            connected.set(0);
            core.followers.tell_all(Word::Look);
        }
        pauses.next().await;
    }
}

async fn subscribe(core: &Core) -> Result<(PubSubSink, PubSubStream), ()> {
    let (mut sink, stream) = core.dialer.listen().await.map_err(drop)?.split();
    let channels = [core.names.leases_channel.as_str(), core.names.notices_channel.as_str()];
    tokio::time::timeout(LOOK_INTERVAL, sink.subscribe(&channels)).await.map_err(drop)?.map_err(drop)?;
    Ok((sink, stream))
}

/// Until the connection ends, or the server is silent when it is asked to confirm the subscription once more.
async fn listen(core: &Core, mut sink: PubSubSink, mut stream: PubSubStream) {
    let look = async {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let again = sink.subscribe(core.names.leases_channel.as_str());
            if !matches!(tokio::time::timeout(LOOK_INTERVAL, again).await, Ok(Ok(()))) {
                return;
            }
        }
    };
    let hear = async {
        while let Some(message) = stream.next().await {
            heard(core, &message);
        }
    };
    tokio::select! {
        () = look => {}
        () = hear => {}
    }
}

fn heard(core: &Core, message: &Msg) {
    let (channel, payload) = (message.get_channel_name(), message.get_payload_bytes());
    if channel == core.names.notices_channel {
        if let Some(notice) = notices::heard(payload) {
            core.tell(notice);
        }
    } else if let Some((id, word)) = LeaseId::heard(payload) {
        core.followers.tell(&id, word);
    }
}
