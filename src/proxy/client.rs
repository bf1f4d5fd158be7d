//! Who the client is: the peer of the socket, or what a trusted proxy says.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The client's address.
///
/// `X-Forwarded-For` is read from its right end, skipping trusted proxies, and only when the peer itself is one:
/// whatever a client writes at the left end is never believed.
pub(super) fn address(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?.ip().to_canonical();
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    let mut client = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(list) = value.to_str() else { return Some(client) };
        for hop in list.rsplit(',') {
            let Some(hop) = parse_hop(hop.trim()) else { return Some(client) };
            client = hop;
            if !is_trusted(hop, trusted) {
                return Some(client);
            }
        }
    }
    Some(client)
}

/// An address with or without a port, IPv6 with or without brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))?;
    Some(address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&'static str], trusted: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let got = address(Some(peer.parse().unwrap()), &headers, &trusted);
        assert_eq!(got, Some(expected.parse().unwrap()), "{peer} {forwarded:?}");
    }

    #[test]
    fn the_header_of_a_stranger_is_not_believed() {
        check("192.0.2.7:1", &["10.0.0.1"], &[], "192.0.2.7");
        check("192.0.2.7:1", &["10.0.0.1"], &["10.0.0.0/8"], "192.0.2.7");
    }

    #[test]
    fn a_trusted_proxy_names_its_client() {
        check("10.0.0.2:1", &["192.0.2.9"], &["10.0.0.0/8"], "192.0.2.9");
        check("10.0.0.2:1", &["203.0.113.5, 192.0.2.9, 10.0.0.3"], &["10.0.0.0/8"], "192.0.2.9");
        check("10.0.0.2:1", &["203.0.113.5", "192.0.2.9:4711"], &["10.0.0.0/8"], "192.0.2.9");
        check("10.0.0.2:1", &["[2001:db8::1]:99"], &["10.0.0.0/8"], "2001:db8::1");
    }

    #[test]
    fn rubbish_ends_the_walk_at_the_last_good_hop() {
        check("10.0.0.2:1", &["192.0.2.9, unknown"], &["10.0.0.0/8"], "10.0.0.2");
        check("10.0.0.2:1", &["192.0.2.9, x, 10.0.0.9"], &["10.0.0.0/8"], "10.0.0.9");
        check("10.0.0.2:1", &[], &["10.0.0.0/8"], "10.0.0.2");
    }
}
