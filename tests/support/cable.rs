//! A cable to PostgreSQL that can be pulled.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The cable.
pub struct Cable {
    plugged: watch::Sender<bool>,
    /// The address of the database at its other end.
    pub address: String,
}

impl Cable {
    /// To the database of this address.
    pub async fn to(database: &str) -> Cable {
        let target = database.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = database.replace(&target, &listener.local_addr().unwrap().to_string());
        let (plugged, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), state.clone());
                if !*state.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(&target).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|plugged| !plugged) => {}
                    }
                });
            }
        });
        Cable { plugged, address }
    }
    /// Connections break, and new ones do not come about.
    pub fn pull(&self) {
        self.plugged.send(false).unwrap();
    }

    /// As before.
    pub fn plug_in(&self) {
        self.plugged.send(true).unwrap();
    }
}
