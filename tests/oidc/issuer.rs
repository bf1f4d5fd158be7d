//! Starts the issuer of `tests/oidc/issuer`, and asks it for tokens.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

/// A running issuer; ends when it is dropped.
pub(crate) struct Issuer {
    process: Child,
    name: String,
    client: reqwest::Client,
}

/// How it answers to requests for discovery and keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Normal,
    Down,
    Slow,
    Garbage,
    Huge,
    OtherIssuer,
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Issuer {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Issuer {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/issuer");
        assert!(folder.join("node_modules/oidc-provider").is_dir(), "the OIDC issuer of the tests is not installed: run `make setup`");
        let mut process = Command::new("node")
            .arg("issuer.mjs")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node does not start: run `make setup`");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first =
            tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.expect("the issuer does not start within a minute");
        let line = first.unwrap().expect("the issuer ended at once: run `make setup`, then `node tests/oidc/issuer/issuer.mjs` to see why");
        let name = serde_json::from_str::<Value>(&line).unwrap()["issuer"].as_str().unwrap().to_owned();
        // Needed by the HTTP client below, whatever this process does first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        Issuer { process, name, client }
    }

    /// The name as it stands in `iss`.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// The name as the configuration has it.
    pub(crate) fn url(&self) -> Url {
        Url::parse(&self.name).unwrap()
    }

    /// Ends the process; the port is closed when this returns.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// An access token of the token endpoint, signed with RS256, for the namespaces team-a and team-b.
    pub(crate) async fn access_token(&self, resource: &str) -> String {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "client_credentials"), ("scope", "metrics"), ("resource", resource)])
            .finish();
        let request = self
            .client
            .post(format!("{}/token", self.name))
            .header("authorization", format!("Basic {}", STANDARD.encode("team-a:not-a-secret")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        answer(request).await["access_token"].as_str().expect("an access token").to_owned()
    }

    /// A token that no issuer would make: any header and claims, signed with `rsa`, `ec`, a `stranger`'s key, as HMAC with
    /// the text of the `public` key, or with `none`.
    pub(crate) async fn sign(&self, header: Value, claims: Value, key: &str) -> String {
        let signed = self.control("sign", json!({"header": header, "claims": claims, "key": key})).await;
        signed.as_str().expect("a token").to_owned()
    }

    /// Makes the client `hecate-web`, whose browsers are sent back to this address.
    pub(crate) async fn sends_back_to(&self, redirect_uri: &str) {
        self.control("client", json!({"redirect_uri": redirect_uri})).await;
    }

    /// New keys, the old ones gone.
    pub(crate) async fn rotate(&self) {
        self.control("rotate", json!({})).await;
    }

    /// Changes how it answers.
    pub(crate) async fn mode(&self, mode: Mode) {
        let mode = match mode {
            Mode::Normal => "normal",
            Mode::Down => "down",
            Mode::Slow => "slow",
            Mode::Garbage => "garbage",
            Mode::Huge => "huge",
            Mode::OtherIssuer => "other-issuer",
        };
        self.control("mode", json!({"mode": mode})).await;
    }

    /// How often discovery and keys were asked for.
    pub(crate) async fn requests(&self) -> u64 {
        self.control("requests", json!({})).await.as_u64().unwrap()
    }

    async fn control(&self, what: &str, body: Value) -> Value {
        answer(self.client.post(format!("{}/test/{what}", self.name)).body(body.to_string())).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let mut response = request.send().await.unwrap();
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        body.extend_from_slice(&piece);
        assert!(body.len() < 1 << 20, "an endless answer");
    }
    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}
