//! Lists of source networks.

use std::net::{IpAddr, Ipv6Addr};

/// Some networks of both families. Looking an address up costs a binary search.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Networks {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Networks {
    /// Reads networks as they are written: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, String> {
        let mut networks = Networks::default();
        for text in texts {
            networks.add(text.as_ref())?;
        }
        networks.v4 = merged(networks.v4, |end| end.checked_add(1));
        networks.v6 = merged(networks.v6, |end| end.checked_add(1));
        Ok(networks)
    }

    /// Whether there is no network at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is in one of the networks. An IPv4 address is the same in its IPv6 form.
    pub fn contains(&self, address: IpAddr) -> bool {
        match plain(address) {
            IpAddr::V4(v4) => within(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => within(&self.v6, u128::from(v6)),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let wrong = || format!("'{text}' is not a network such as 10.0.0.0/8 or 2001:db8::/32");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        match address.parse::<IpAddr>().map_err(|_| wrong())? {
            IpAddr::V4(v4) => {
                let free = 32u32.checked_sub(prefix.unwrap_or(32)).ok_or_else(wrong)?;
                let rest = u32::MAX.checked_shr(32 - free).unwrap_or(0);
                self.v4.push((u32::from(v4) & !rest, u32::from(v4) | rest));
            }
            IpAddr::V6(v6) => {
                let free = 128u32.checked_sub(prefix.unwrap_or(128)).ok_or_else(wrong)?;
                let rest = u128::MAX.checked_shr(128 - free).unwrap_or(0);
                self.v6.push((u128::from(v6) & !rest, u128::from(v6) | rest));
            }
        }
        Ok(())
    }
}

/// An IPv4 address that comes in an IPv6 one is an IPv4 address.
pub fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The address with all bits beyond a prefix taken away: what counts as one source.
pub fn source_of(address: IpAddr, ipv4_prefix: u32, ipv6_prefix: u32) -> IpAddr {
    match plain(address) {
        IpAddr::V4(v4) => {
            let kept = u32::MAX.checked_shl(32 - ipv4_prefix.min(32)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & kept).into())
        }
        IpAddr::V6(v6) => {
            let kept = u128::MAX.checked_shl(128 - ipv6_prefix.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & kept))
        }
    }
}

fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut apart: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match apart.last_mut() {
            Some(last) if next(last.1).map_or(true, |after| start <= after) => {
                last.1 = last.1.max(end);
            }
            _ => apart.push((start, end)),
        }
    }
    apart
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= value);
    after > 0 && value <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &[&str], address: &str) -> bool {
        Networks::parse(networks).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn just_inside_and_just_outside() {
        let list = ["10.1.0.0/16", "192.0.2.7", "2001:db8::/33", "::1"];
        for inside in [
            "10.1.0.0",
            "10.1.255.255",
            "192.0.2.7",
            "::ffff:192.0.2.7",
            "2001:db8::",
            "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff",
            "::1",
        ] {
            assert!(contains(&list, inside), "{inside}");
        }
        for outside in [
            "10.0.255.255",
            "10.2.0.0",
            "192.0.2.6",
            "192.0.2.8",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:8000::",
            "::2",
            "0.0.0.1",
        ] {
            assert!(!contains(&list, outside), "{outside}");
        }
    }

    #[test]
    fn the_largest_and_the_smallest_networks() {
        assert!(contains(&["0.0.0.0/0"], "255.255.255.255"));
        assert!(!contains(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(contains(&["::/0"], "2001:db8::1"));
        assert!(!contains(&["::/0"], "10.0.0.1"));
        assert!(contains(&["255.255.255.255/32", "255.255.255.0/24"], "255.255.255.255"));
        assert!(!Networks::parse::<&str>(&[]).unwrap().contains("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn overlapping_ones_are_one() {
        let list = ["10.0.0.0/9", "10.128.0.0/9", "10.3.0.0/16", "10.0.0.1/8"];
        assert_eq!(Networks::parse(&list).unwrap(), Networks::parse(&["10.0.0.0/8"]).unwrap());
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in
            ["", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "ten", "10.0.0.0/-1", "1.2.3.4/"]
        {
            assert!(Networks::parse(&[bad]).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn a_source_is_as_wide_as_its_prefix() {
        let source = |text: &str, v4, v6| source_of(text.parse().unwrap(), v4, v6).to_string();
        assert_eq!(source("10.1.2.3", 32, 64), "10.1.2.3");
        assert_eq!(source("10.1.2.3", 24, 64), "10.1.2.0");
        assert_eq!(source("::ffff:10.1.2.3", 24, 64), "10.1.2.0");
        assert_eq!(source("10.1.2.3", 0, 0), "0.0.0.0");
        assert_eq!(source("2001:db8:1:2:3::4", 32, 64), "2001:db8:1:2::");
        assert_eq!(source("2001:db8:1:2:3::4", 32, 128), "2001:db8:1:2:3::4");
        assert_eq!(source("2001:db8:1:2:3::4", 32, 0), "::");
    }
}
