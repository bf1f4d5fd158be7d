//! The closed sets of label values: a metric can only be counted under one of these, so its size has a bound.

/// Declares an enum whose values are label texts.
macro_rules! label {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The text of the label.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

label! {
    /// Why the edge turned a request away.
    RejectReason {
        /// The URI is too long.
        Uri = "uri",
        /// Too many or too large headers.
        Headers = "headers",
        /// The body is too large.
        Body = "body",
        /// The path cannot be normalised safely.
        Path = "path",
        /// The method is not allowed here.
        Method = "method",
        /// The client was too slow to send its request.
        SlowClient = "slow_client",
        /// Too many requests of one user in a second.
        Rate = "rate",
        /// Too many requests of one user at once.
        Concurrency = "concurrency",
        /// The query is over one of `limits:`.
        Limits = "limits",
        /// The process is shutting down.
        Draining = "draining",
    }
}

label! {
    /// Which kind of provider looked at the credentials.
    AuthProvider {
        /// Hashed tokens in a file.
        Static = "static",
        /// A token of an OpenID Connect issuer.
        Jwt = "jwt",
        /// TokenReview of a cluster.
        Kubernetes = "kubernetes",
        /// A session of Perses.
        Perses = "perses",
        /// A session of our own.
        Session = "session",
        /// No credentials needed.
        Anonymous = "anonymous",
        /// Authentication is off, or no provider took the request.
        None = "none",
    }
}

label! {
    /// What came of it.
    AuthOutcome {
        /// Known and let in.
        Allowed = "allowed",
        /// Credentials missing.
        Missing = "missing",
        /// Credentials wrong or expired.
        Invalid = "invalid",
        /// Known, but not allowed to do this.
        Denied = "denied",
        /// The provider could not be asked.
        Unavailable = "unavailable",
    }
}

label! {
    /// How far the caller of a query may see.
    ScopeKind {
        /// Everything.
        Cluster = "cluster",
        /// A set of namespaces.
        Tenant = "tenant",
    }
}

label! {
    /// What a look into a cache gave.
    CacheOutcome {
        /// It was there.
        Hit = "hit",
        /// It was not.
        Miss = "miss",
        /// It was not looked for: too large to be kept, or the cache is off.
        Bypass = "bypass",
    }
}

label! {
    /// The method of a request; what is not known is `OTHER`.
    Method {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// PATCH.
        Patch = "PATCH",
        /// DELETE.
        Delete = "DELETE",
        /// OPTIONS.
        Options = "OPTIONS",
        /// Any other word.
        Other = "OTHER",
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Method {
        Method::ALL.iter().copied().find(|known| known.as_str() == method.as_str()).unwrap_or(Method::Other)
    }
}

/// The status codes that are counted by themselves; every other is counted as `other`.
pub(super) const CODES: &[u16] = &[
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 422, 429,
    431, 499, 500, 501, 502, 503, 504,
];

/// The place of a status code in [`CODES`], one past the end for the others.
pub(super) fn code_index(code: u16) -> usize {
    CODES.binary_search(&code).unwrap_or(CODES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_outside_the_list_are_other() {
        assert_eq!(Method::from(&http::Method::GET), Method::Get);
        assert_eq!(Method::from(&http::Method::from_bytes(b"get").unwrap()), Method::Other);
        assert_eq!(Method::from(&http::Method::from_bytes(b"BREW").unwrap()), Method::Other);
    }

    #[test]
    fn codes_are_sorted_so_that_the_search_finds_each() {
        for (place, code) in CODES.iter().enumerate() {
            assert_eq!(code_index(*code), place);
        }
        assert_eq!(code_index(299), CODES.len());
    }
}
