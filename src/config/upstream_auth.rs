//! `upstreams[].auth:` how we show a backend who we are, and the secrets that this takes.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::reader::Map;
use super::yaml::{self, Node};
use super::{Credentials, Secret, UpstreamAuth, values};

/// Set by the client for every request, or meant for one connection only.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
];

impl UpstreamAuth {
    pub(super) fn read(map: &mut Map<'_>) -> UpstreamAuth {
        let token = map.value("bearer_token", bearer_token);
        let token_file = map.value("bearer_token_file", token_file);
        let basic = map.map("basic", read_basic).flatten();
        let given: Vec<&str> = ["bearer_token", "bearer_token_file", "basic"].into_iter().filter(|key| map.has(key)).collect();
        if let [first, others @ ..] = given.as_slice() {
            for other in others {
                map.error_at(other, format!("`{first}` is given too; a backend gets one credential"));
            }
        }
        UpstreamAuth {
            credentials: token.map(Credentials::Bearer).or(token_file.map(Credentials::BearerFile)).or(basic),
            headers: read_headers(map),
            client_certificate: map.map("client_certificate", read_certificate).flatten(),
            ca_file: map.value("ca_file", values::path),
        }
    }
}

fn read_basic(map: &mut Map<'_>) -> Option<Credentials> {
    let user = map.required("user", "the user name", user_name);
    let password = map.value("password", secret);
    let password_file = map.value("password_file", secret_file);
    match (map.has("password"), map.has("password_file")) {
        (true, true) => map.error_at("password_file", "`password` is given too; keep one"),
        (false, false) => map.error("`password_file` or `password` is missing"),
        _ => {}
    }
    Some(Credentials::Basic { user: user?, password: password.or(password_file)? })
}

pub(super) fn read_certificate(map: &mut Map<'_>) -> Option<(PathBuf, PathBuf)> {
    let any = map.has("cert") || map.has("key");
    let cert = if any { map.required("cert", "the certificate chain, a PEM file", values::path) } else { map.value("cert", values::path) };
    let key = if any { map.required("key", "the private key, a PEM file", values::path) } else { map.value("key", values::path) };
    Some((cert?, key?))
}

fn read_headers(map: &mut Map<'_>) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    for (name, node) in map.entries("headers") {
        let taken = headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = header_name(name, taken).and_then(|()| header_value(node));
        match value {
            Ok(value) => headers.push((name.clone(), value)),
            Err(message) => map.findings().error(Some(&node.place), &map.path_of(&format!("headers.{name}")), message),
        }
    }
    headers
}

fn header_name(name: &str, taken: bool) -> Result<(), String> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "not the name of an HTTP header".to_owned())?;
    match parsed.as_str() {
        "authorization" => Err("has keys of its own; write bearer_token_file or basic beside `headers`".to_owned()),
        name if RESERVED_HEADERS.contains(&name) => Err("is set by Hecate for every request; take it out".to_owned()),
        _ if taken => Err("stands here twice; upper and lower case make no difference".to_owned()),
        _ => Ok(()),
    }
}

/// The value may be a secret: no message quotes it.
fn header_value(node: &Node) -> Result<Secret, String> {
    let written = values::text(node)?;
    match HeaderValue::from_str(&written) {
        Ok(_) if written.trim() == written => Ok(Secret::new(written)),
        _ => Err("the value cannot stand in a header: no line breaks, no control characters, no spaces around it".to_owned()),
    }
}

fn user_name(node: &Node) -> Result<String, String> {
    let written = values::text(node)?;
    if written.contains(':') || written.chars().any(char::is_control) {
        return Err(format!("{} has a `:` or a control character, which HTTP basic authentication cannot carry", values::quote(&written)));
    }
    Ok(written)
}

pub(super) fn secret(node: &Node) -> Result<Secret, String> {
    values::text(node).and_then(|text| checked_secret(&text))
}

fn checked_secret(text: &str) -> Result<Secret, String> {
    if text.chars().any(char::is_control) {
        return Err("has a line break or another control character inside".to_owned());
    }
    Ok(Secret::new(text))
}

fn bearer_token(node: &Node) -> Result<Secret, String> {
    let written = values::text(node)?;
    if !written.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a token is one word of ASCII letters, digits and signs".to_owned());
    }
    Ok(Secret::new(written))
}

/// The secret in a file, without the line breaks at its end.
pub(super) fn secret_file(node: &Node) -> Result<Secret, String> {
    let path = values::path(node)?;
    let text = readable(&path)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(format!("the file {} is empty", path.display())),
        text => checked_secret(text).map_err(|message| format!("{} {message}", path.display())),
    }
}

/// The path only: the token in it changes. It has to be readable now, so that a wrong path is noticed at the start.
fn token_file(node: &Node) -> Result<PathBuf, String> {
    let path = values::path(node)?;
    let text = readable(&path)?;
    if text.trim().is_empty() {
        return Err(format!("the file {} is empty", path.display()));
    }
    Ok(path)
}

fn readable(path: &Path) -> Result<String, String> {
    yaml::read_bounded(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
