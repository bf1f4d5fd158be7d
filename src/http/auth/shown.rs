//! What a request shows of who it comes from: the `Authorization` header, and without one the session of a browser.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::super::Site;
use super::super::error::ApiError;
use super::expect_own_page;
use crate::telemetry::{AuthOutcome, AuthProvider};
use crate::tenancy::{AuthError, Credentials};

/// What one request shows.
pub(in crate::http) struct Shown<'a> {
    authorization: Option<&'a HeaderValue>,
    session: Option<String>,
    headers: &'a HeaderMap,
}

/// The same, for as long as it is looked at again.
pub(in crate::http) struct Kept {
    authorization: Option<HeaderValue>,
    session: Option<String>,
}

impl<'a> Shown<'a> {
    /// A header is never replaced by a cookie, however bad it is. A session is taken only where its owner's browser was not
    /// sent by somebody else's page.
    pub(in crate::http) fn by(site: &Site, parts: &'a Parts) -> Result<Shown<'a>, ApiError> {
        let headers = &parts.headers;
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let authorization = sent.next();
        if sent.next().is_some() {
            return Err(ApiError::bad_request("the Authorization header was sent more than once"));
        }
        let mut shown = Shown { authorization, session: None, headers };
        if authorization.is_none() && site.authenticator.sessions().is_some() {
            shown.session = site.front.cookies.session_of(headers).map_err(|error| {
                site.authenticator.session_came_twice();
                site.metrics.authenticated(AuthProvider::None, AuthOutcome::Invalid);
                let error = AuthError::Session(error);
                let challenges = site.authenticator.challenges(&error);
                shown.refused(site, ApiError { challenges, ..error.into() })
            })?;
            if shown.session.is_some() {
                expect_own_page(site, parts)?;
            }
        }
        Ok(shown)
    }

    /// For the authenticator.
    pub(in crate::http) fn credentials(&self) -> Credentials<'_> {
        Credentials { authorization: self.authorization.map(HeaderValue::as_bytes), session: self.session.as_deref() }
    }

    /// Why somebody with these credentials is not let in. A browser whose session is no good forgets it.
    pub(in crate::http) fn refusal(&self, site: &Site, error: AuthError) -> ApiError {
        let challenges = site.authenticator.challenges(&error);
        let api = ApiError { challenges, ..error.into() };
        if self.session.is_some() { self.refused(site, api) } else { api }
    }

    /// Not with the head of the request, which would stay in memory with it.
    pub(in crate::http) fn keep(self) -> Kept {
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        Kept { authorization: self.authorization.and_then(copy), session: self.session }
    }

    fn refused(&self, site: &Site, mut error: ApiError) -> ApiError {
        if error.status == http::StatusCode::UNAUTHORIZED {
            error.cookies = site.front.cookies.forget_session(self.headers);
        }
        error
    }
}

impl Kept {
    /// For the authenticator.
    pub(in crate::http) fn credentials(&self) -> Credentials<'_> {
        Credentials { authorization: self.authorization.as_ref().map(HeaderValue::as_bytes), session: self.session.as_deref() }
    }
}
