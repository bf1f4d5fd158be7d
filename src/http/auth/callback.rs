//! `/auth/callback`: a browser comes back from its issuer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;
use http::request::Parts;

use super::super::error::{ApiError, OwnError};
use super::super::params::Params;
use super::super::{Arrival, Site};
use super::login::{arrival_of, welcome};
use super::{admit, expect_sign_in, see_other};
use crate::tenancy::SignInError;

/// Gives a session, or says why not. What was begun is over either way.
pub(in crate::http) async fn callback(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, _) = request.into_parts();
    let arrival = arrival_of(&parts)?;
    expect_sign_in(&site)?;
    admit(&site, &arrival)?;
    match finish(&site, &parts, &arrival).await {
        Ok(response) => Ok(response),
        Err(error) => Err(OwnError(ApiError { cookies: site.front.cookies.forget_sign_in().into_iter().collect(), ..error })),
    }
}

async fn finish(site: &Site, parts: &Parts, arrival: &Arrival) -> Result<Response<Body>, ApiError> {
    let sessions = expect_sign_in(site)?;
    let params = Params::decode(parts.uri.query(), &parts.headers, b"")?;
    let refuse = |message: String| {
        site.authenticator.sign_in_was_refused();
        ApiError::bad_request(message)
    };
    let begun = site.front.cookies.sign_in_of(&parts.headers).and_then(|sealed| sessions.open_begun(sealed));
    let state = params.one("state")?.unwrap_or_default();
    // Before anything else: what somebody else began is nothing to finish here.
    let Some(begun) = begun.filter(|begun| begun.has_state(state)) else {
        let message = "this browser did not begin this sign-in, or more than ten minutes ago, or has begun another one since: begin again at \
                       /auth/login";
        return Err(refuse(message.to_owned()));
    };
    if params.one("iss")?.is_some_and(|issuer| !site.authenticator.comes_from_issuer(issuer)) {
        return Err(refuse("the browser comes back from another issuer than it was sent to (iss)".to_owned()));
    }
    if let Some(error) = params.one("error")? {
        // A word of the issuer's, from an address that anybody could have made: short, and nothing but words.
        let word: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(60).collect();
        site.authenticator.sign_in_was_refused();
        return Err(SignInError::Refused(format!("the issuer said {word}")).into());
    }
    let code = params.required("code")?;
    let signed_in = site.authenticator.sign_in_by_code(&begun, code, &site.front.redirect_uri()).await?;
    let mut cookies = welcome(site, parts, arrival, &signed_in)?;
    cookies.extend(site.front.cookies.forget_sign_in());
    see_other(&begun.return_to, cookies)
}
