//! Cookies: names, parts, attributes. What is in them is sealed (`crate::tenancy::Sessions`).

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::AT_ONCE;
use crate::tenancy::{LOGIN_LIFETIME, SessionError};

/// Letters of one cookie: browsers keep 4096 bytes with name and all.
const PART: usize = 3800;
/// Most parts of one session.
const MOST_PARTS: usize = 3;

/// A session that has more letters than browsers keep for us.
#[derive(Debug, thiserror::Error)]
#[error("the session has {0} letters, more than {MOST_PARTS} cookies of {PART} can hold: let the issuer put fewer claims into its tokens")]
pub(in crate::http) struct TooManyParts(usize);

/// The names under which browsers keep what is ours.
pub(super) struct Cookies {
    session: [&'static str; MOST_PARTS],
    sign_in: &'static str,
    secure: bool,
}

impl Cookies {
    /// With TLS the names begin with `__Host-`: then no other host can have set them, and none gets them.
    pub(super) fn new(secure: bool) -> Cookies {
        if secure {
            let session = ["__Host-hecate_session", "__Host-hecate_session_1", "__Host-hecate_session_2"];
            Cookies { session, sign_in: "__Host-hecate_sign_in", secure }
        } else {
            Cookies { session: ["hecate_session", "hecate_session_1", "hecate_session_2"], sign_in: "hecate_sign_in", secure }
        }
    }

    /// The session that a request shows. One whose parts are not all there is given as it is: it cannot be opened.
    pub(super) fn session_of(&self, headers: &HeaderMap) -> Result<Option<String>, SessionError> {
        let mut parts = [None; MOST_PARTS];
        for (name, value) in all(headers) {
            if let Some(place) = self.session.iter().position(|known| *known == name)
                && parts[place].replace(value).is_some()
            {
                return Err(SessionError::Twice);
            }
        }
        let Some(first) = parts[0] else { return Ok(None) };
        // The first letter says how many parts there are: those of an older session may be left over.
        let count = first.bytes().next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0'))).min(MOST_PARTS);
        let mut sealed = first.get(1..).unwrap_or_default().to_owned();
        sealed.extend(parts.iter().take(count).skip(1).flatten().copied());
        Ok(Some(sealed))
    }

    /// What makes a browser keep a session. What it has of another one is taken away.
    pub(super) fn keep_session(&self, sealed: &str, lifetime: Duration, headers: &HeaderMap) -> Result<Vec<HeaderValue>, TooManyParts> {
        let count = sealed.len().div_ceil(PART).max(1);
        if count > MOST_PARTS || !sealed.is_ascii() {
            return Err(TooManyParts(sealed.len()));
        }
        let mut cookies = Vec::with_capacity(count);
        for (place, name) in self.session.iter().enumerate() {
            if place < count {
                let part = &sealed[place * PART..sealed.len().min((place + 1) * PART)];
                let value = if place == 0 { format!("{count}{part}") } else { part.to_owned() };
                cookies.extend(self.cookie(name, &value, lifetime));
            } else if all(headers).any(|(known, _)| known == *name) {
                cookies.extend(self.cookie(name, "", AT_ONCE));
            }
        }
        Ok(cookies)
    }

    /// What makes a browser forget the session that it showed.
    pub(super) fn forget_session(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let shown = self.session.iter().filter(|name| all(headers).any(|(known, _)| known == **name));
        shown.filter_map(|name| self.cookie(name, "", AT_ONCE)).collect()
    }

    /// The sign-in that a browser has begun; none when it shows two.
    pub(super) fn sign_in_of<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut shown = all(headers).filter(|(name, _)| *name == self.sign_in);
        let (_, only) = shown.next()?;
        shown.next().is_none().then_some(only)
    }

    /// What makes a browser keep a sign-in that was begun.
    pub(super) fn keep_sign_in(&self, sealed: &str) -> Option<HeaderValue> {
        self.cookie(self.sign_in, sealed, LOGIN_LIFETIME)
    }

    /// What makes a browser forget it.
    pub(super) fn forget_sign_in(&self) -> Option<HeaderValue> {
        self.cookie(self.sign_in, "", AT_ONCE)
    }

    fn cookie(&self, name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", lifetime.as_secs());
        let mut cookie = HeaderValue::from_str(&text).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}

/// Names and values. HTTP/2 may send them in several lines.
fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    /// What a browser that had nothing sends afterwards.
    fn after(cookies: &[HeaderValue]) -> HeaderMap {
        let kept = cookies.iter().map(|cookie| cookie.to_str().unwrap()).filter(|cookie| !cookie.contains("Max-Age=0;"));
        shown(&[&kept.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")])
    }

    #[test]
    fn sessions_of_all_lengths_come_back() {
        let cookies = Cookies::new(false);
        let hour = Duration::from_secs(3600);
        for (length, count) in [(0, 1), (1, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2), (3 * PART, 3)] {
            let sealed: String = (0..length).map(|i| char::from(b'a' + u8::try_from(i % 26).unwrap())).collect();
            let made = cookies.keep_session(&sealed, hour, &HeaderMap::new()).unwrap();
            assert_eq!(made.len(), count, "{length}");
            assert!(made.iter().all(|cookie| cookie.len() < 4096));
            assert_eq!(cookies.session_of(&after(&made)), Ok(Some(sealed)), "{length}");
        }
        assert!(cookies.keep_session(&"a".repeat(3 * PART + 1), hour, &HeaderMap::new()).is_err());
    }

    #[test]
    fn parts_of_another_session_are_taken_away_and_never_mixed_in() {
        let cookies = Cookies::new(false);
        let before = shown(&["hecate_session=2old; hecate_session_1=rest; theme=dark"]);
        assert_eq!(cookies.session_of(&before), Ok(Some("oldrest".into())));
        let made = cookies.keep_session("new", Duration::from_secs(60), &before).unwrap();
        let texts: Vec<&str> = made.iter().map(|cookie| cookie.to_str().unwrap()).collect();
        assert_eq!(
            texts,
            [
                "hecate_session=1new; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
                "hecate_session_1=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
            ]
        );
        assert_eq!(cookies.session_of(&shown(&["hecate_session=1new; hecate_session_1=rest"])), Ok(Some("new".into())));
        assert_eq!(cookies.session_of(&shown(&["hecate_session_1=rest"])), Ok(None));
        assert_eq!(cookies.forget_session(&before).len(), 2);
    }

    #[test]
    fn cookies_are_found_in_all_lines_and_never_taken_twice() {
        let cookies = Cookies::new(false);
        for (lines, expect) in [
            (&["a=b", "hecate_session=1x"][..], Ok(Some("x"))),
            (&["a=b;hecate_session=1x ; c=d"], Ok(Some("x"))),
            (&["hecate_session="], Ok(Some(""))),
            (&["hecate_session=ä"], Ok(None)),
            (&["Hecate_Session=1x; xhecate_session=1y"], Ok(None)),
            (&["__Host-hecate_session=1x"], Ok(None)),
            (&["hecate_session=1x; hecate_session=1x"], Err(SessionError::Twice)),
            (&["hecate_session=1x", "hecate_session=1y"], Err(SessionError::Twice)),
            (&["hecate_session=2x; hecate_session_1=y; hecate_session_1=z"], Err(SessionError::Twice)),
            (&["hecate_session=9x; hecate_session_1=y; hecate_session_2=z"], Ok(Some("xyz"))),
        ] {
            let found = cookies.session_of(&shown(lines));
            assert_eq!(found.as_ref().map(Option::as_deref), expect.as_ref().copied(), "{lines:?}");
        }
        assert_eq!(cookies.sign_in_of(&shown(&["hecate_sign_in=x"])), Some("x"));
        assert_eq!(cookies.sign_in_of(&shown(&["hecate_sign_in=x; hecate_sign_in=y"])), None);
    }

    #[test]
    fn with_tls_no_other_host_can_set_them() {
        let cookies = Cookies::new(true);
        let made = cookies.keep_session("x", Duration::from_secs(60), &HeaderMap::new()).unwrap();
        assert_eq!(made[0], "__Host-hecate_session=1x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(cookies.session_of(&shown(&["hecate_session=1x"])), Ok(None), "the name without is somebody else's");
        assert!(
            made[0].is_sensitive() && cookies.keep_sign_in("y").unwrap().to_str().unwrap().starts_with("__Host-hecate_sign_in=y; Path=/;")
        );
    }
}
