//! Tests of the pauses, with a clock that the test moves.

use proptest::prelude::*;

use super::*;

const START_US: i64 = 1_790_000_000_000_000;
const HOUR_S: i64 = 3_600;

fn at(second: i64) -> i64 {
    START_US + second * SECOND_US
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, number])
}

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

/// Fails as fast as the throttle lets, and answers the second in which each try began.
fn failures_within(throttle: &Throttle, account: &str, from: IpAddr, seconds: i64) -> Vec<i64> {
    let mut tried = Vec::new();
    let mut now_s = 0;
    while now_s < seconds {
        match throttle.check(account, from, at(now_s)) {
            Ok(()) => tried.push(now_s),
            Err(wait) => now_s += i64::from(wait.seconds),
        }
    }
    tried
}

#[test]
fn ten_thousand_guesses_from_fifty_addresses_test_few_passwords_and_do_not_shut_the_owner_out() {
    let throttle = Throttle::new();
    throttle.check("anna", HOME, at(-10)).unwrap();
    throttle.succeeded("anna", HOME, at(-10));
    let mut verified = 0;
    for guess in 0..10_000_i64 {
        let now_us = START_US + guess * HOUR_S * SECOND_US / 10_000;
        if throttle.check("anna", address(u8::try_from(guess % 50).unwrap()), now_us).is_ok() {
            throttle.failed("anna", address(u8::try_from(guess % 50).unwrap()));
            verified += 1;
        }
        if guess % 1_000 == 999 {
            throttle.check("anna", HOME, now_us).expect("the owner comes from a known address");
            throttle.succeeded("anna", HOME, now_us);
        }
    }
    println!("{verified} passwords were tested");
    assert!((10..=100).contains(&verified), "{verified} passwords were tested");
}

#[test]
fn four_failures_are_free_and_then_the_pause_doubles_up_to_five_minutes() {
    let tried = failures_within(&Throttle::new(), "anna", HOME, 2_000);
    assert_eq!(tried[..5], [0; 5]);
    let pauses: Vec<i64> = tried[4..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
}

#[test]
fn an_account_has_at_most_ten_failures_in_any_minute() {
    let tried = failures_within(&Throttle::new(), "anna", HOME, HOUR_S);
    for from_s in &tried {
        let in_minute = tried.iter().filter(|at_s| (*from_s..from_s + 60).contains(at_s)).count();
        assert!(in_minute <= 10, "{in_minute} from second {from_s} on");
    }
}

#[test]
fn an_address_that_tries_many_names_has_at_most_thirty_failures_in_any_minute() {
    let throttle = Throttle::new();
    let mut tried = Vec::new();
    for now_s in 0..HOUR_S {
        for name in 0..40 {
            if throttle.check(&format!("name {now_s} {name}"), HOME, at(now_s)).is_ok() {
                tried.push(now_s);
            }
        }
    }
    for from_s in &tried {
        let in_minute = tried.iter().filter(|at_s| (*from_s..from_s + 60).contains(at_s)).count();
        assert!(in_minute <= 30, "{in_minute} from second {from_s} on");
    }
    assert!(tried.len() > 60, "it is slowed down, not shut out");
}

#[test]
fn tries_at_the_same_moment_are_counted_before_any_of_them_failed() {
    let throttle = Throttle::new();
    let attempt = |number| throttle.check("anna", address(number), START_US).is_ok();
    let attempt = &attempt;
    let begun = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..50).map(|number| scope.spawn(move || attempt(number))).collect();
        tries.into_iter().map(|attempt| attempt.join().unwrap()).filter(|has_begun| *has_begun).count()
    });
    assert_eq!(begun, 5);
}

#[test]
fn a_person_is_told_how_many_tries_are_left() {
    let throttle = Throttle::new();
    let left: Vec<u32> = (0..5)
        .map(|_| {
            throttle.check("anna", HOME, START_US).unwrap();
            throttle.failed("anna", HOME)
        })
        .collect();
    assert_eq!(left, [4, 3, 2, 1, 0]);
    assert_eq!(throttle.check("anna", HOME, START_US), Err(Wait { seconds: 1 }));
    assert_eq!(throttle.check("bert", HOME, START_US), Ok(()));
}

#[test]
fn a_success_is_no_failure_however_often() {
    let throttle = Throttle::new();
    for second in 0..100 {
        for name in ["anna", "bert", "carl"] {
            throttle.check(name, HOME, at(second)).unwrap();
            throttle.succeeded(name, HOME, at(second));
        }
    }
    throttle.check("dora", HOME, at(100)).unwrap();
    assert_eq!(throttle.failed("dora", HOME), ACCOUNT_FREE);
}

#[test]
fn who_signs_in_as_themselves_in_between_guesses_no_faster() {
    let throttle = Throttle::new();
    let guesses = (0..1_000)
        .filter(|_| {
            let _ = throttle.check("mallory", HOME, START_US);
            throttle.succeeded("mallory", HOME, START_US);
            throttle.check("anna", HOME, START_US).is_ok()
        })
        .count();
    assert_eq!(guesses, 5);
}

#[test]
fn a_known_address_is_paced_too_but_forgives_at_the_next_success() {
    let throttle = Throttle::new();
    throttle.remember("anna", HOME, START_US);
    let tried = failures_within(&throttle, "anna", HOME, HOUR_S);
    assert!(tried.len() <= 30, "{} tries", tried.len());
    throttle.check("anna", HOME, at(2 * HOUR_S)).unwrap();
    throttle.succeeded("anna", HOME, at(2 * HOUR_S));
    throttle.check("anna", HOME, at(2 * HOUR_S)).unwrap();
    assert_eq!(throttle.failed("anna", HOME), 4);
}

#[test]
fn a_known_address_of_one_person_is_not_known_for_another() {
    let throttle = Throttle::new();
    throttle.remember("anna", HOME, START_US);
    for _ in 0..5 {
        throttle.check("bert", address(1), START_US).unwrap();
    }
    assert!(throttle.check("bert", HOME, START_US).is_err());
    assert!(throttle.check("anna", HOME, START_US).is_ok());
}

#[test]
fn spelling_a_name_differently_or_moving_within_a_network_gains_nothing() {
    let throttle = Throttle::new();
    for name in ["anna", "Anna", " ANNA", "anna\t", "aNNa"] {
        throttle.check(name, HOME, START_US).unwrap();
    }
    assert!(throttle.check("annA", HOME, START_US).is_err());
    let same = network_of("2001:db8:1:2:3:4:5:6".parse().unwrap());
    assert_eq!(same, network_of("2001:db8:1:2:ffff::1".parse().unwrap()));
    assert_ne!(same, network_of("2001:db8:1:3::1".parse().unwrap()));
    assert_eq!(network_of("::ffff:10.0.0.7".parse().unwrap()), HOME);
    assert_ne!(network_of(address(1)), network_of(address(2)));
}

#[test]
fn failures_are_forgotten_after_an_hour_of_quiet() {
    let throttle = Throttle::new();
    let last_s = *failures_within(&throttle, "anna", HOME, 1_000).last().unwrap();
    throttle.check("anna", HOME, at(last_s + HOUR_S)).unwrap();
    assert_eq!(throttle.failed("anna", HOME), ACCOUNT_FREE);
}

#[test]
fn a_clock_that_is_set_back_makes_no_pause_longer() {
    let throttle = Throttle::new();
    failures_within(&throttle, "anna", HOME, 1_000);
    let wait = throttle.check("anna", HOME, at(-30 * 24 * HOUR_S)).unwrap_err();
    assert!(wait.seconds <= ACCOUNT_PAUSE_MAX_S, "{wait}");
}

#[test]
fn many_names_do_not_make_a_guessed_one_forgotten() {
    let throttle = Throttle::new();
    let tried = failures_within(&throttle, "anna", HOME, 400).len();
    for number in 0..3 * u32::try_from(ACCOUNTS_MAX).unwrap() {
        let from = IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64));
        throttle.check(&format!("nobody {number}"), from, at(400)).unwrap();
    }
    let state = throttle.state();
    assert!(state.strangers.len() <= ACCOUNTS_MAX && state.addresses.len() <= ADDRESSES_MAX);
    assert_eq!(state.strangers[&account_of("anna")].failures, u32::try_from(tried).unwrap());
}

#[test]
fn known_addresses_are_bounded_and_the_oldest_goes() {
    let throttle = Throttle::new();
    for number in 0..=u8::try_from(KNOWN_PER_ACCOUNT_MAX).unwrap() {
        throttle.remember("anna", address(number), at(i64::from(number)));
    }
    let mut state = throttle.state();
    assert_eq!(state.known[&account_of("anna")].len(), KNOWN_PER_ACCOUNT_MAX);
    assert!(state.known_budget(&account_of("anna"), address(0)).is_none());
    assert!(state.known_budget(&account_of("anna"), address(1)).is_some());
}

proptest! {
    #[test]
    fn nobody_waits_longer_than_the_longest_pause(
        tries in prop::collection::vec((0_u8..3, 0_u8..4, 0_i64..1_000, prop::bool::weighted(0.1)), 1..200)
    ) {
        let throttle = Throttle::new();
        let mut now_s = 0;
        for (name, from, later_s, is_right) in tries {
            now_s += later_s;
            let name = name.to_string();
            match throttle.check(&name, address(from), at(now_s)) {
                Ok(()) if is_right => throttle.succeeded(&name, address(from), at(now_s)),
                Ok(()) => prop_assert!(throttle.failed(&name, address(from)) <= ACCOUNT_FREE),
                Err(wait) => {
                    prop_assert!((1..=ACCOUNT_PAUSE_MAX_S).contains(&wait.seconds));
                    let after_s = now_s + i64::from(wait.seconds);
                    prop_assert!(throttle.check(&name, address(from), at(after_s)).is_ok());
                    now_s = after_s;
                }
            }
        }
    }
}

#[test]
fn a_try_that_waits_for_its_code_is_given_back_and_makes_no_address_known() {
    let throttle = Throttle::new();
    for _ in 0..20 {
        throttle.check("anna", HOME, at(0)).unwrap();
        throttle.give_back("anna", HOME);
    }
    for _ in 0..5 {
        assert_eq!(throttle.pause_s("anna", HOME, at(0)), 0);
        throttle.check("anna", HOME, at(0)).unwrap();
        throttle.failed("anna", HOME);
    }
    assert_eq!((throttle.pause_s("anna", HOME, at(0)), throttle.pause_s("anna", HOME, at(1))), (1, 0));
    // A known address would have a budget of its own: what others fail would not count here.
    assert_eq!(throttle.pause_s("anna", address(1), at(0)), 1);
    throttle.remember("anna", address(1), at(0));
    assert_eq!(throttle.pause_s("anna", address(1), at(0)), 0);
    throttle.check("anna", address(1), at(0)).unwrap();
    throttle.give_back("anna", address(1));
    assert_eq!(throttle.failed("anna", address(1)), 5, "what is given back is not charged");
}
