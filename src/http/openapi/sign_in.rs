//! The way in and out for people with a browser.

use serde_json::json;
use utoipa::openapi::HttpMethod::{Get, Post};
use utoipa::openapi::{Content, ResponseBuilder};

use super::super::error::Family::Own;
use super::call::{Call, Field, Paths, empty, header, path};
use super::words::{Members, Schemas, named, object, text};

const TAG: &str = "Sign-in";

/// The paths.
pub(super) fn paths() -> Paths {
    let me = Call::new(Own, TAG, "auth_me", "Who the caller is to Hecate, and what they may see").answers_json("The caller.", named("Me"));
    vec![
        path("/auth/login", [(Get, login()), (Post, enter())]),
        path("/auth/callback", [(Get, callback())]),
        path("/auth/logout", [(Post, logout())]),
        path("/auth/me", [(Get, me)]),
    ]
}

fn login() -> Call {
    let told = "With `auth.sign_in.kind: oidc` the browser is sent to the issuer; with `token` it gets a form. Afterwards the session cookie is taken \
                wherever a token is, unless an `Authorization` header is there too. What is sent with the session has to come from a page of this \
                server: any other `Origin` is `403`, and so is a method other than `GET` and `HEAD` without `Origin`, `Sec-Fetch-Site` and `Referer`.";
    Call::open(Own, TAG, "login", "Begins to sign in with a browser")
        .told(told)
        .asked(&[return_to()])
        .answers(200, page("The form."))
        .answers(303, moved("To the issuer."))
        .refuses(&[404, 429])
}

fn enter() -> Call {
    let form = named("SignIn");
    Call::open(Own, TAG, "enter", "Signs in with a token, for `auth.sign_in.kind: token`")
        .told("From a page of this server only. A form is answered with `303`, or with the form again; JSON with `204`.")
        .body([
            ("application/json", form.clone(), Some(json!({"token": "hct_…"}))),
            ("application/x-www-form-urlencoded", form, Some(json!({"token": "hct_…"}))),
        ])
        .answers(204, empty("A session.").header_ref("Set-Cookie", header("Set-Cookie")))
        .answers(303, moved("A session, and on to `return_to`."))
        .refuses(&[401, 403, 404, 429])
}

fn callback() -> Call {
    Call::open(Own, TAG, "callback", "Comes back from the issuer, with a code for a session")
        .asked(&[
            Field::may("state", text("As it was given to the issuer.")),
            Field::may("code", text("Of the issuer.")),
            Field::may("iss", text("The issuer (RFC 9207).")),
            Field::may("error", text("Why the issuer gives no code.")),
        ])
        .answers(303, moved("A session, and on to where the browser wanted to be."))
        .refuses(&[401, 403, 404, 429])
}

fn logout() -> Call {
    Call::open(Own, TAG, "logout", "Makes the browser forget its session")
        .told("From a page of this server only.")
        .answers(204, empty("It is forgotten.").header_ref("Set-Cookie", header("Set-Cookie")))
        .refuses(&[403, 404, 429])
}

fn return_to() -> Field {
    Field::may("return_to", text("A path of this server to come back to; `/auth/me` is the usual one.").pattern(Some(r"^/([^/\\].*)?$")))
}

fn page(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description).content("text/html", Content::new(Some(text("A page."))))
}

fn moved(description: &str) -> ResponseBuilder {
    empty(description).header_ref("Location", header("Location")).header_ref("Set-Cookie", header("Set-Cookie"))
}

/// The schemas.
pub(super) fn schemas() -> Schemas {
    let sign_in = object("Somebody who has a token.").has("token", text("Of `users.yaml`.")).closed();
    vec![("SignIn", sign_in.into())]
}
