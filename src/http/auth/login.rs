//! `/auth/login`: on to the issuer, or a form for a token.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Response, StatusCode};
use serde::Deserialize;

use super::super::call::whole;
use super::super::error::{ApiError, OwnError};
use super::super::params::Params;
use super::super::{Arrival, Site};
use super::{admit, expect_own_page, expect_sign_in, page, see_other, with_cookies};
use crate::tenancy::{Begun, SignInError, SignedIn};

/// Longest place to return to, in bytes: it goes into a cookie.
const LONGEST_PLACE: usize = 1024;

/// Begins.
pub(in crate::http) async fn login(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, _) = request.into_parts();
    let arrival = arrival_of(&parts)?;
    let sessions = expect_sign_in(&site)?;
    admit(&site, &arrival)?;
    let params = Params::decode(parts.uri.query(), &parts.headers, b"")?;
    let return_to = return_to(&site, &params)?;
    if !site.authenticator.has_issuer() {
        return Ok(page::form(StatusCode::OK, &return_to, None));
    }
    let begun = Begun::new(&return_to).map_err(SignInError::from)?;
    let address = site.authenticator.sign_in_address(&begun, &site.front.redirect_uri()).await?;
    let sealed = sessions.seal_begun(&begun).map_err(SignInError::from)?;
    Ok(see_other(&address, site.front.cookies.keep_sign_in(&sealed).into_iter().collect())?)
}

/// Takes a token, as a form or as JSON. Only from a page of ours: whoever could sign others in as themselves would see what they do.
pub(in crate::http) async fn enter(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, body) = request.into_parts();
    let arrival = arrival_of(&parts)?;
    expect_sign_in(&site)?;
    if site.authenticator.has_issuer() {
        return Err(ApiError::not_found("people sign in at an issuer here: GET /auth/login").into());
    }
    admit(&site, &arrival)?;
    expect_own_page(&site, &parts)?;
    let body = whole(body).await?;
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let sent: Sent = serde_json::from_slice(&body).map_err(|_| ApiError::bad_request("the body has to be {\"token\": \"…\"}"))?;
        let signed_in = site.authenticator.sign_in_by_token(&sent.token).await?;
        return Ok(with_cookies(StatusCode::NO_CONTENT, welcome(&site, &parts, &arrival, &signed_in)?));
    }
    let params = Params::decode(parts.uri.query(), &parts.headers, &body)?;
    let return_to = return_to(&site, &params)?;
    match site.authenticator.sign_in_by_token(params.required("token")?).await {
        Ok(signed_in) => Ok(see_other(&return_to, welcome(&site, &parts, &arrival, &signed_in)?)?),
        Err(error) => {
            let error = ApiError::from(error);
            Ok(page::form(error.status, &return_to, Some(&error.message)))
        }
    }
}

/// `{"token": …}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    token: String,
}

/// Cookies for somebody who is in; the log says who it was.
pub(super) fn welcome(site: &Site, parts: &Parts, arrival: &Arrival, signed_in: &SignedIn) -> Result<Vec<http::HeaderValue>, ApiError> {
    let SignedIn { identity, session } = signed_in;
    arrival.story.tell(|story| story.identity = Some(identity.clone()));
    let kept = site.front.cookies.keep_session(&session.sealed, session.lifetime, &parts.headers);
    kept.map_err(|error| ApiError::bad_request(error.to_string()))
}

/// What is known of the request besides its text.
pub(super) fn arrival_of(parts: &Parts) -> Result<Arc<Arrival>, ApiError> {
    parts.extensions.get::<Arc<Arrival>>().cloned().ok_or_else(ApiError::internal)
}

/// Where the browser wants to be in the end.
fn return_to(site: &Site, params: &Params) -> Result<String, ApiError> {
    match params.one("return_to")? {
        None => Ok(site.front.home()),
        Some(place) if is_own_place(place) => Ok(place.to_owned()),
        Some(_) => Err(ApiError::bad_request(
            "invalid parameter \"return_to\": it has to be a path of this server, such as /auth/me, in letters that need no encoding",
        )),
    }
}

/// A path and a query, which no browser takes for another host: they read `\` as `/` and skip what is not printed.
fn is_own_place(place: &str) -> bool {
    let mut bytes = place.bytes();
    let begins_well = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    begins_well
        && place.len() <= LONGEST_PLACE
        && place.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_return_to_this_server_only() {
        for (place, expect) in [
            ("/", true),
            ("/auth/me", true),
            ("/x?query=up%7B%7D&y=//z#a", true),
            ("/a//b", true),
            ("", false),
            ("x", false),
            ("//evil.org", false),
            ("/\\evil.org", false),
            ("/a\\b", false),
            ("\\/evil.org", false),
            ("https://evil.org/", false),
            ("javascript:alert(1)", false),
            ("/\t/evil.org", false),
            ("/\n/evil.org", false),
            (" /x", false),
            ("/ä", false),
            ("/\"><script>", false),
        ] {
            assert_eq!(is_own_place(place), expect, "{place:?}");
        }
        assert!(is_own_place(&format!("/{}", "a".repeat(LONGEST_PLACE - 1))) && !is_own_place(&format!("/{}", "a".repeat(LONGEST_PLACE))));
    }
}
