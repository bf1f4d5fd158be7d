//! `/auth/logout`: the browser forgets its session. Nothing of it is kept here that would have to be forgotten.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use http::{Response, StatusCode};

use super::super::Site;
use super::super::error::OwnError;
use super::login::arrival_of;
use super::{admit, expect_own_page, expect_sign_in, with_cookies};

/// Also for a session that is none any more.
pub(in crate::http) async fn logout(State(site): State<Arc<Site>>, request: Request) -> Result<Response<Body>, OwnError> {
    let (parts, _) = request.into_parts();
    let arrival = arrival_of(&parts)?;
    expect_sign_in(&site)?;
    admit(&site, &arrival)?;
    expect_own_page(&site, &parts)?;
    Ok(with_cookies(StatusCode::NO_CONTENT, site.front.cookies.forget_session(&parts.headers)))
}
