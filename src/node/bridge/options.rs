//! How the bridge presents itself to the broker.

use std::time::Duration;

use rumqttc::v5::MqttOptions;

/// The session at the broker belongs to this id: messages that arrive while the server is away wait for it.
const CLIENT_ID: &str = "cellar-bridge";
/// How long the broker keeps them; as long as its own configuration allows.
const SESSION_EXPIRY_S: u32 = 14 * 24 * 3600;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Messages the broker may send ahead of their acknowledgements; below the capacity of every channel here, so that an
/// acknowledgement always finds a place.
const RECEIVE_MAXIMUM: u16 = 1_000;
/// Largest packet taken from the broker: a larger one than a device may send becomes a dead letter like any other.
const PACKET_BYTES_MAX: u32 = 1024 * 1024;

/// Why a broker's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the broker's address is not mqtt://user:password@host:port")]
pub struct BadBrokerUrl;

/// Options for an address.
pub(super) fn options(url: &str) -> Result<MqttOptions, BadBrokerUrl> {
    let rest = url.strip_prefix("mqtt://").ok_or(BadBrokerUrl)?.trim_end_matches('/');
    let (login, address) = rest.rsplit_once('@').map_or((None, rest), |(login, address)| (Some(login), address));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| BadBrokerUrl)?),
        None => (address, 1883),
    };
    if host.is_empty() || host.contains(['/', '?', '#']) {
        return Err(BadBrokerUrl);
    }
    let mut options = MqttOptions::new(CLIENT_ID, host, port);
    if let Some(login) = login {
        let (user, password) = login.split_once(':').ok_or(BadBrokerUrl)?;
        options.set_credentials(user, password);
    }
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(SESSION_EXPIRY_S))
        .set_receive_maximum(Some(RECEIVE_MAXIMUM))
        .set_max_packet_size(Some(PACKET_BYTES_MAX))
        .set_keep_alive(KEEP_ALIVE)
        .set_manual_acks(true);
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::super::{CHANNEL_MAX, LINE_MAX};
    use super::*;

    #[test]
    fn a_brokers_address_may_leave_out_login_and_port() {
        let address = |url| options(url).map(|options| options.broker_address());
        assert_eq!(address("mqtt://u:p:@ss@broker:1884"), Ok(("broker".to_owned(), 1884)));
        assert_eq!(address("mqtt://broker/"), Ok(("broker".to_owned(), 1883)));
        for url in ["broker:1883", "mqtts://broker", "mqtt://", "mqtt://u@broker", "mqtt://broker:port", "mqtt://b/x:1"]
        {
            assert_eq!(address(url), Err(BadBrokerUrl), "{url}");
        }
    }

    #[test]
    fn the_session_stays_and_nothing_is_acknowledged_by_itself() {
        let options = options("mqtt://broker").unwrap();
        assert!(!options.clean_start() && options.manual_acks());
        assert_eq!(options.session_expiry_interval(), Some(SESSION_EXPIRY_S));
        assert!(usize::from(options.receive_maximum().unwrap()) < CHANNEL_MAX.min(LINE_MAX));
    }
}
