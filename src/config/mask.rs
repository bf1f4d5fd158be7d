//! The effective configuration, written as the file that would give it, secrets as stars.

use std::fmt::{Display, Write as _};
use std::path::Path;

use super::upstreams::{KINDS, ROLES};
use super::values::{print_duration, print_rate, print_size};
use super::{
    Auth, Cache, Config, Credentials, Dashboards, LogFormat, Provider, Redis, SignIn, SignInKind, Upstream, UpstreamAuth, redis_url,
    tenancy,
};

const STARS: &str = "********";

impl Config {
    /// The effective configuration as YAML, in the order and with the names of the contract, for `/debug/config` and logs.
    /// Secrets are stars; everything else gives the same configuration when it is loaded again.
    pub fn masked_yaml(&self) -> String {
        let mut page = Page::default();
        page.section("server", |page| self.write_server(page));
        page.list("upstreams", &self.upstreams, write_upstream);
        page.section("auth", |page| write_auth(page, &self.auth));
        page.section("tenancy", |page| {
            page.optional("labels_file", self.origin.labels_file.as_deref().map(path));
            page.line("default_label", text(&self.tenancy.labels.default_label));
            page.line("conflict", word(tenancy::CONFLICTS, self.tenancy.conflict));
        });
        page.section("promql", |page| page.line("features", texts(&self.promql.features)));
        page.section("limits", |page| self.write_limits(page));
        page.section("cache", |page| write_cache(page, &self.cache));
        page.section("stream", |page| self.write_stream(page));
        page.section("perses", |page| page.optional("url", self.perses.url.as_ref().map(|url| text(url.as_str()))));
        page.section("dashboards", |page| {
            let dashboards = &self.dashboards;
            // The default lies in the working directory, and a file that says so would mean the file's own folder.
            let is_given = dashboards.database != Dashboards::default().database;
            page.optional("database", is_given.then(|| text(&dashboards.masked_database())));
            page.optional("templates_dir", dashboards.templates_dir.as_deref().map(path));
            page.line("retention_days", dashboards.retention_days);
            page.line("keep_versions", dashboards.keep_versions);
            page.line("audit_days", dashboards.audit_days);
        });
        page.section("telemetry", |page| {
            let telemetry = &self.telemetry;
            page.line("log", text(&telemetry.log));
            page.line("format", if telemetry.format == LogFormat::Json { "json" } else { "text" });
            page.optional("otlp_endpoint", telemetry.otlp_endpoint.as_ref().map(|url| text(url.as_str())));
            page.line("otlp_sample", telemetry.otlp_sample);
            page.line("slow_query", print_duration(telemetry.slow_query));
            page.line("access_log", telemetry.access_log);
        });
        page.text
    }

    fn write_server(&self, page: &mut Page) {
        let server = &self.server;
        page.line("listen", text(&server.listen.to_string()));
        page.line("admin_listen", text(&server.admin_listen.to_string()));
        if let Some(tls) = &server.tls {
            page.section("tls", |page| {
                page.line("cert", path(&tls.cert));
                page.line("key", path(&tls.key));
            });
        }
        page.optional("public_url", server.public_url.as_deref().map(text));
        page.line("trusted_proxies", texts(&server.trusted_proxies));
        page.line("drain", print_duration(server.drain));
        page.line("drain_delay", print_duration(server.drain_delay));
        page.line("threads", server.threads);
        page.line("max_uri", print_size(server.max_uri as u64));
        page.line("max_headers", print_size(server.max_headers as u64));
        page.line("max_body", print_size(server.max_body as u64));
        page.line("max_connections", server.max_connections);
        page.line("idle_timeout", print_duration(server.idle_timeout));
        page.line("read_timeout", print_duration(server.read_timeout));
        page.line("write_timeout", print_duration(server.write_timeout));
        page.line("cors_origins", texts(&server.cors_origins));
        page.line("compression", server.compression);
    }

    fn write_stream(&self, page: &mut Page) {
        let stream = &self.stream;
        page.line("interval", print_duration(stream.interval));
        page.line("min_interval", print_duration(stream.min_interval));
        page.line("max_interval", print_duration(stream.max_interval));
        page.line("heartbeat", print_duration(stream.heartbeat));
        page.line("revalidate", print_duration(stream.revalidate));
        page.line("max_connections", stream.max_connections);
        page.line("max_queries", stream.max_queries);
        page.line("memory", print_size(stream.memory as u64));
    }

    fn write_limits(&self, page: &mut Page) {
        let limits = &self.limits;
        page.line("query_bytes", print_size(limits.query_bytes as u64));
        page.line("depth", limits.depth);
        page.line("selectors", limits.selectors);
        page.line("points_per_series", limits.points_per_series);
        page.line("range", print_duration(limits.range));
        page.line("series", limits.series);
        page.line("samples", limits.samples);
        page.line("response_bytes", print_size(limits.response_bytes));
        page.line("rate_per_user", print_rate(limits.rate_per_user));
        page.line("concurrent_per_user", limits.concurrent_per_user);
        page.line("streams_per_user", limits.streams_per_user);
    }
}

fn write_upstream(page: &mut Page, upstream: &Upstream) {
    page.line("name", text(&upstream.name));
    page.line("url", text(upstream.url.as_str()));
    page.line("kind", word(KINDS, upstream.kind));
    page.line("role", word(ROLES, upstream.role));
    page.optional("retention", upstream.retention.map(print_duration));
    page.line("settle", print_duration(upstream.settle));
    page.line("timeout", print_duration(upstream.timeout));
    page.line("connect_timeout", print_duration(upstream.connect_timeout));
    page.line("read_timeout", print_duration(upstream.read_timeout));
    page.line("max_concurrent", upstream.max_concurrent);
    page.line("retries", upstream.retries);
    page.optional("native_enforcement", upstream.kind.has_native_enforcement().then(|| upstream.native_enforcement.to_string()));
    page.optional("hedge", upstream.hedge.map(print_duration));
    page.line("health_interval", print_duration(upstream.health_interval));
    page.section("auth", |page| write_upstream_auth(page, &upstream.auth));
}

fn write_upstream_auth(page: &mut Page, auth: &UpstreamAuth) {
    match &auth.credentials {
        Some(Credentials::Bearer(_)) => page.line("bearer_token", text(STARS)),
        Some(Credentials::BearerFile(file)) => page.line("bearer_token_file", path(file)),
        Some(Credentials::Basic { user, .. }) => page.section("basic", |page| {
            page.line("user", text(user));
            page.line("password", text(STARS));
        }),
        None => {}
    }
    if !auth.headers.is_empty() {
        page.section("headers", |page| {
            for (name, _) in &auth.headers {
                page.line(&text(name), text(STARS));
            }
        });
    }
    if let Some((cert, key)) = &auth.client_certificate {
        page.section("client_certificate", |page| {
            page.line("cert", path(cert));
            page.line("key", path(key));
        });
    }
    page.optional("ca_file", auth.ca_file.as_deref().map(path));
}

fn write_cache(page: &mut Page, cache: &Cache) {
    page.line("enabled", cache.enabled);
    page.line("memory", print_size(cache.memory as u64));
    page.line("fresh_ttl", print_duration(cache.fresh_ttl));
    page.line("self_check", cache.self_check);
    if let Some(redis) = &cache.redis {
        page.section("redis", |page| write_redis(page, redis));
    }
}

fn write_redis(page: &mut Page, redis: &Redis) {
    page.line("url", text(&redis_url::print(&redis.servers, redis.tls, redis.database)));
    page.optional("user", redis.user.as_deref().map(text));
    page.optional("password", redis.password.as_ref().map(|_| text(STARS)));
    if let Some((user, _)) = &redis.sentinel {
        page.section("sentinel", |page| {
            page.optional("user", user.as_deref().map(text));
            page.line("password", text(STARS));
        });
    }
    page.line("budget", print_duration(redis.budget));
    page.line("prefix", text(&redis.prefix));
    page.line("connect_timeout", print_duration(redis.connect_timeout));
    page.optional("ca_file", redis.ca_file.as_deref().map(path));
    if let Some((cert, key)) = &redis.client_certificate {
        page.section("client_certificate", |page| {
            page.line("cert", path(cert));
            page.line("key", path(key));
        });
    }
}

fn write_auth(page: &mut Page, auth: &Auth) {
    page.list("providers", &auth.providers, write_provider);
    page.optional("roles_file", auth.roles_file.as_deref().map(path));
    page.optional("revocation_bound", auth.revocation_bound.map(print_duration));
    if let Some(sign_in) = &auth.sign_in {
        page.section("sign_in", |page| write_sign_in(page, sign_in));
    }
}

fn write_sign_in(page: &mut Page, sign_in: &SignIn) {
    match &sign_in.kind {
        SignInKind::Token => page.line("kind", "token"),
        SignInKind::Oidc(client) => {
            page.line("kind", "oidc");
            page.line("issuer", text(client.issuer.as_str()));
            page.line("client_id", text(&client.client_id));
            page.optional("client_secret_file", client.secret.as_ref().map(|(file, _)| path(file)));
            page.line("scopes", texts(&client.scopes));
        }
    }
    page.optional("session_key_file", sign_in.key.as_ref().map(|key| path(&key.file)));
    page.line("lifetime", print_duration(sign_in.lifetime));
}

fn write_provider(page: &mut Page, provider: &Provider) {
    match provider {
        Provider::Static(users) => {
            page.line("kind", "static");
            page.line("users_file", path(&users.users_file));
        }
        Provider::Jwt(jwt) => {
            page.line("kind", "jwt");
            page.line("issuer", text(jwt.issuer.as_str()));
            page.optional("jwks_url", jwt.jwks_url.as_ref().map(|url| text(url.as_str())));
            page.line("audience", texts(&jwt.audience));
            page.line("algorithms", texts(&jwt.algorithms));
            page.line("leeway", print_duration(jwt.leeway));
            page.section("claims", |page| {
                page.line("user", text(&jwt.claims.user));
                page.line("groups", text(&jwt.claims.groups));
                page.line("namespaces", text(&jwt.claims.namespaces));
            });
            page.optional("ca_file", jwt.ca_file.as_deref().map(path));
            page.line("permissions", texts(&jwt.permissions));
        }
        Provider::Anonymous(anonymous) => {
            page.line("kind", "anonymous");
            page.line("namespaces", texts(&anonymous.namespaces));
            page.line("permissions", texts(&anonymous.permissions));
        }
        Provider::None { forced } => {
            page.line("kind", "none");
            page.line("force", forced);
        }
    }
}

/// YAML in block style, two spaces a level.
#[derive(Default)]
struct Page {
    text: String,
    level: usize,
    /// The next line opens an entry of a list.
    opens_entry: bool,
}

impl Page {
    fn line(&mut self, key: &str, value: impl Display) {
        self.start(key);
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, " {value}");
    }

    fn optional(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.line(key, value);
        }
    }

    fn section(&mut self, key: &str, write: impl FnOnce(&mut Page)) {
        self.start(key);
        let empty_line = self.text.len();
        self.text.push('\n');
        let length = self.text.len();
        self.level += 1;
        write(self);
        self.level -= 1;
        if self.text.len() == length {
            self.text.insert_str(empty_line, " {}");
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&mut Page, &T)) {
        if items.is_empty() {
            return self.line(key, "[]");
        }
        self.section(key, |page| {
            page.level += 1;
            for item in items {
                page.opens_entry = true;
                write(page, item);
            }
            page.level -= 1;
        });
    }

    fn start(&mut self, key: &str) {
        let indent = 2 * self.level;
        let dash = std::mem::take(&mut self.opens_entry);
        let (indent, lead) = if dash { (indent.saturating_sub(2), "- ") } else { (indent, "") };
        let _ = write!(self.text, "{:indent$}{lead}{key}:", "");
    }
}

/// Quoted only where YAML could take it for something else.
fn text(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.'))
        && !value.ends_with(':')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '='))
        && !matches!(value, "null" | "Null" | "NULL" | "true" | "false");
    if is_plain {
        return value.to_owned();
    }
    serde_json::Value::from(value).to_string()
}

fn path(value: &Path) -> String {
    text(&value.to_string_lossy())
}

fn texts<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let printed: Vec<String> = values.into_iter().map(|value| text(&value.to_string())).collect();
    format!("[{}]", printed.join(", "))
}

fn word<T: PartialEq>(words: &'static [(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word)
}
