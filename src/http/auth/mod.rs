//! `/auth/…`: people with a browser, who get a session; and the one place that reads credentials of a request.
//!
//! * `shown`: what a request shows, the header before the cookie
//! * `cookies`: what browsers keep for us
//! * `origin`: whose page a request comes from
//! * `login`, `callback`, `logout`: the way in and out; `page` is the form for tokens

mod callback;
mod cookies;
mod login;
mod logout;
mod origin;
mod page;
mod shown;

use std::time::Duration;

use axum::body::Body;
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use url::Url;

use self::cookies::Cookies;
use super::error::ApiError;
use super::{Arrival, Site};
use crate::config;

pub(super) use callback::callback;
pub(super) use login::{enter, login};
pub(super) use logout::logout;
pub(super) use shown::{Kept, Shown};

/// How browsers reach this server.
pub struct Front {
    /// `server.public_url`, without a slash at its end.
    public_url: Option<String>,
    /// Its origin, as browsers write it.
    origin: Option<String>,
    /// The path in front of ours, where a proxy takes one off.
    prefix: String,
    cookies: Cookies,
}

impl Front {
    /// As the configuration has it.
    pub fn new(server: &config::Server) -> Front {
        let url = server.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        let is_https = url.as_ref().map_or(server.tls.is_some(), |url| url.scheme() == "https");
        Front {
            public_url: server.public_url.clone(),
            origin: url.as_ref().map(|url| url.origin().ascii_serialization()),
            prefix: url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default(),
            cookies: Cookies::new(is_https),
        }
    }

    /// Where an issuer sends browsers back to.
    fn redirect_uri(&self) -> String {
        format!("{}/auth/callback", self.public_url.as_deref().unwrap_or_default())
    }

    /// Where somebody goes who has signed in and wanted nothing else: who they are.
    fn home(&self) -> String {
        format!("{}/auth/me", self.prefix)
    }
}

/// 404 where nobody can sign in.
fn expect_sign_in(site: &Site) -> Result<&crate::tenancy::Sessions, ApiError> {
    let message = "nobody signs in with a browser here: auth.sign_in is not configured";
    site.authenticator.sessions().ok_or_else(|| ApiError::not_found(message))
}

/// Nobody has to be known to ask for this, so addresses are counted.
fn admit(site: &Site, arrival: &Arrival) -> Result<(), ApiError> {
    let address = arrival.client.map(|address| address.to_string()).unwrap_or_default();
    site.sign_ins.admit(&address).map_err(|error| ApiError { code: "RATE_LIMITED", ..error.into() })
}

/// 403 unless the request comes from a page of ours.
fn expect_own_page(site: &Site, parts: &Parts) -> Result<(), ApiError> {
    if origin::is_from_here(&site.front, parts) {
        return Ok(());
    }
    site.authenticator.session_came_from_elsewhere();
    Err(ApiError::forbidden(
        "with the session of a browser this is done by pages of this server only: send an Origin that is server.public_url or the Host of \
         the request, or send a token in the Authorization header",
    ))
}

/// 303 to a place, with cookies.
fn see_other(place: &str, cookies: Vec<HeaderValue>) -> Result<Response<Body>, ApiError> {
    let mut response = with_cookies(StatusCode::SEE_OTHER, cookies);
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(place).map_err(|_| ApiError::internal())?);
    Ok(response)
}

/// An answer that is nobody else's.
fn with_cookies(status: StatusCode, cookies: Vec<HeaderValue>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// As long as it takes to say that a cookie is over.
const AT_ONCE: Duration = Duration::ZERO;
