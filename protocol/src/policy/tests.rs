use std::collections::BTreeSet;
use std::sync::Arc;

use kentong_keys::MemberName;
use proptest::prelude::*;

use super::*;
use crate::bounded::{BoundedText, BoundedVec};
use crate::indicator::{
    Assertion, Basis, Country, Fields, Kind, Projection, Reading, Recipient, Scheme, Tlp, Value,
};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn party(name: &str, groups: &[&str]) -> Party {
    Party {
        name: member(name),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn operator(uid: u32) -> Operator {
    Operator {
        uid,
        name: Some(BoundedText::new("aminah").unwrap()),
        groups: BTreeSet::from([BoundedText::new("analysts").unwrap()]),
        runs_node: uid == 1000,
    }
}

fn class(tlp: Tlp, to: &[&str]) -> Class {
    let to = to.iter().map(|name| name.parse().unwrap()).collect();
    Class {
        kind: Kind::Domain,
        scheme: Scheme::Phishing,
        tlp,
        confidence: 80,
        releasable_to: BoundedVec::new(to).unwrap(),
        countries: BoundedVec::default(),
        value_country: None,
        basis: Basis::Reported,
        has_loss: false,
        tags: BoundedVec::default(),
    }
}

fn tags(names: &[&str]) -> BoundedVec<BoundedText<64>, 32> {
    let tags = names.iter().map(|name| BoundedText::new(*name).unwrap());
    BoundedVec::new(tags.collect()).unwrap()
}

fn engine(text: &str) -> Engine {
    let policies = PolicySet::parse(&[("t.cedar", text)]).unwrap();
    Engine::new(policies, BTreeSet::from([7]))
}

/// What MY's policies say about sharing with SG, which is in the group `mekong`.
fn shared(text: &str, class: &Class) -> Arc<Verdict> {
    engine(text).share(class, &party("MY", &[]), &party("SG", &["mekong"]))
}

const ALL: &str = r#"permit (principal, action == Action::"share", resource);"#;

#[test]
fn the_ceiling_stands_above_a_permit_for_all() {
    let check = |tlp, to: &[&str], expected: &str| {
        let verdict = shared(ALL, &class(tlp, to));
        assert_eq!(verdict.to_string(), expected, "{tlp} to {to:?}");
    };
    let yes = "released: t.cedar line 1";
    check(Tlp::Clear, &[], yes);
    check(Tlp::Green, &[], yes);
    check(Tlp::Clear, &["SG"], yes);
    check(Tlp::Green, &["mekong"], yes);
    check(Tlp::Green, &["TH"], "not released: TLP:GREEN names only TH");
    check(Tlp::Clear, &["TH"], "not released: TLP:CLEAR names only TH");
    check(
        Tlp::Amber,
        &[],
        "not released: TLP:AMBER goes to those it names, and it names nobody",
    );
    check(Tlp::Amber, &["SG"], yes);
    check(Tlp::Amber, &["mekong"], yes);
    check(
        Tlp::Amber,
        &["TH", "banks"],
        "not released: TLP:AMBER names only TH, banks",
    );
    for (tlp, label) in [
        (Tlp::AmberStrict, "TLP:AMBER+STRICT"),
        (Tlp::Red, "TLP:RED"),
    ] {
        check(tlp, &["TH", "SG"], yes);
        check(
            tlp,
            &["TH"],
            &format!("not released: {label} names only TH"),
        );
        check(
            tlp,
            &["TH", "mekong"],
            &format!("not released: {label} names only TH"),
        );
        let nobody = format!("not released: {label} goes to members it names, and it names none");
        check(tlp, &[], &nobody);
        check(tlp, &["mekong"], &nobody);
    }
}

#[test]
fn the_ceiling_of_readers() {
    use Purpose::{Bulk, Export, Look};
    let mut engine = engine("permit (principal, action, resource);");
    let my = party("MY", &[]);
    let mut check = |tlp, purpose, uid, expected| {
        let class = class(tlp, &["SG"]);
        let action = LocalAction::Query(purpose);
        let verdict = engine.local(action, &operator(uid), Some((&my, &class)));
        assert_eq!(verdict.is_permit(), expected, "{tlp} {purpose:?} {uid}");
    };
    for (tlp, permitted) in [
        (Tlp::Clear, [true, true, true, true, true]),
        (Tlp::Green, [true, true, true, true, false]),
        (Tlp::Amber, [true, true, true, true, false]),
        (Tlp::AmberStrict, [true, true, true, false, false]),
        (Tlp::Red, [false; 5]),
    ] {
        for (purpose, permitted) in Purpose::ALL.into_iter().zip(permitted) {
            check(tlp, purpose, 1000, permitted);
        }
    }
    // User 7 is a RED reader: one at a time and nothing else.
    check(Tlp::Red, Look, 7, true);
    check(Tlp::Red, Bulk, 7, false);
    for sink in [Sink::Own, Sink::Clients, Sink::Public] {
        check(Tlp::Red, Export(sink), 7, false);
    }
}

#[test]
fn ceilings_of_readers_in_words() {
    let mut engine = engine("permit (principal, action, resource);");
    let my = party("MY", &[]);
    let mut check = |tlp, purpose, expected: &str| {
        let action = LocalAction::Query(purpose);
        let class = class(tlp, &["MY"]);
        let verdict = engine.local(action, &operator(1000), Some((&my, &class)));
        assert_eq!(verdict.to_string(), expected);
    };
    check(
        Tlp::Red,
        Purpose::Look,
        "not allowed: TLP:RED is for the users whom the configuration names, and user 1000 is none \
         of them",
    );
    check(
        Tlp::Red,
        Purpose::Bulk,
        "not allowed: TLP:RED is shown one indicator at a time",
    );
    check(
        Tlp::AmberStrict,
        Purpose::Export(Sink::Clients),
        "not allowed: TLP:AMBER+STRICT does not go into a client's system",
    );
    check(Tlp::Clear, Purpose::Bulk, "allowed: t.cedar line 1");
}

#[test]
fn forbid_outweighs_permit_and_nothing_is_permitted_by_silence() {
    let check = |text: &str, expected: &str| {
        let verdict = shared(text, &class(Tlp::Green, &[]));
        assert_eq!(verdict.to_string(), expected);
    };
    check("", "not released: no policy permits it");
    check(
        r#"permit (principal == Member::"TH", action == Action::"share", resource);"#,
        "not released: no policy permits it",
    );
    check(
        &format!(
            "{ALL}\n@id(\"x-1\") @note(\"domains stay\")\nforbid (principal, action, resource is \
             Indicator) when {{ resource.kind == Kind::\"domain\" }};"
        ),
        "not released: forbidden by t.cedar line 2 [x-1] (“domains stay”)",
    );
    // An overflow is the only fault that validation lets through.
    check(
        &format!(
            "{ALL}\nforbid (principal, action == Action::\"share\", resource)\nwhen {{ \
             resource.confidence * 9223372036854775807 > 7 }};"
        ),
        "not released: t.cedar line 2 cannot be evaluated: integer overflow while attempting to \
         multiply the values `80` and `9223372036854775807`",
    );
}

#[test]
fn every_visible_attribute_decides() {
    let plain = || class(Tlp::Green, &[]);
    let check = |condition: &str, other: Class| {
        let text = format!(
            "permit (principal, action == Action::\"share\", resource) when {{ {condition} }};"
        );
        let mut engine = engine(&text);
        let mut ask = |class: &Class| {
            let verdict = engine.share(class, &party("MY", &[]), &party("SG", &["mekong"]));
            verdict.is_permit()
        };
        // Twice, so that the cache answers too; it must tell the two classes apart.
        for _ in 0..2 {
            assert!(!ask(&plain()), "{condition}");
            assert!(ask(&other), "{condition}");
        }
        assert_eq!(engine.evaluations(), 2, "{condition}");
    };
    let with = |change: fn(&mut Class)| {
        let mut class = plain();
        change(&mut class);
        class
    };
    check(
        r#"resource.kind == Kind::"url""#,
        with(|c| c.kind = Kind::Url),
    );
    check(
        r#"resource["scheme"] == Scheme::"job""#,
        with(|c| c.scheme = Scheme::Job),
    );
    check(
        r#"resource["tl\u{70}"] == Tlp::"clear""#,
        with(|c| c.tlp = Tlp::Clear),
    );
    check("resource.confidence > 90", with(|c| c.confidence = 91));
    check(
        "resource.members.contains(principal)",
        class(Tlp::Green, &["SG"]),
    );
    check(
        "principal in resource.groups",
        class(Tlp::Green, &["mekong"]),
    );
    check("context.named", class(Tlp::Green, &["mekong"]));
    check("context == {named: true}", class(Tlp::Green, &["SG"]));
    check(
        "resource.countries.contains(principal.country)",
        with(|c| c.countries = BoundedVec::new(vec!["SG".parse().unwrap()]).unwrap()),
    );
    check(
        "resource has value_country",
        with(|c| c.value_country = "SG".parse().ok()),
    );
    check(
        r#"resource has value_country && resource.value_country == Country::"SG""#,
        with(|c| c.value_country = "SG".parse().ok()),
    );
    check("resource.predicted", with(|c| c.basis = Basis::Predicted));
    check("resource.loss", with(|c| c.has_loss = true));
    check(
        r#"resource.tags.contains("urgent")"#,
        with(|c| c.tags = tags(&["urgent"])),
    );
}

#[test]
fn who_asks_decides_too() {
    let text = r#"
        permit (principal in Group::"mekong", action == Action::"share", resource)
        when { principal.country == Country::"TH" && resource.publisher == Member::"MY"
               && resource.publisher.country == Country::"MY" };
        permit (principal == Member::"SG", action == Action::"accept", resource)
        when { resource.publisher == principal && resource.confidence >= 50 };
        permit (principal in LocalGroup::"analysts", action == Action::"query", resource)
        when { context.purpose == Purpose::"look" };
        permit (principal == Operator::"5", action == Action::"publish", resource is Indicator)
        when { principal has name && principal.name == "aminah"
               && resource.publisher == Member::"MY" };
        permit (principal, action == Action::"withdraw", resource is Node)
        when { principal.runs_node };
        permit (principal, action == Action::"administer", resource) when { principal.uid < 6 };
    "#;
    let mut engine = engine(text);
    let green = class(Tlp::Green, &[]);
    for (publisher, to, expected) in [
        ("MY", party("TH", &["mekong"]), true),
        ("MY", party("TH-AOC1441", &["banks", "mekong"]), true),
        ("SG", party("TH", &["mekong"]), false),
        ("MY", party("TH", &["banks"]), false),
        ("MY", party("VN", &["mekong"]), false),
    ] {
        let verdict = engine.share(&green, &party(publisher, &[]), &to);
        assert_eq!(verdict.is_permit(), expected, "{publisher} to {to:?}");
    }
    assert!(engine.accept(&green, &party("SG", &[])).is_permit());
    assert_eq!(
        engine.accept(&green, &party("TH", &[])).to_string(),
        "not accepted: no policy permits it"
    );
    let (my, sg) = (party("MY", &[]), party("SG", &[]));
    use LocalAction::{Administer, Publish, Query, Withdraw};
    for (action, uid, subject, expected) in [
        (Query(Purpose::Look), 1, Some((&my, &green)), true),
        (Query(Purpose::Look), 1, None, true),
        (Query(Purpose::Bulk), 1, Some((&my, &green)), false),
        (Publish, 5, Some((&my, &green)), true),
        (Publish, 5, Some((&sg, &green)), false),
        (Publish, 6, Some((&my, &green)), false),
        (Publish, 5, None, false),
        (Withdraw, 1000, None, true),
        (Withdraw, 1000, Some((&my, &green)), false),
        (Withdraw, 1, None, false),
        (Administer, 5, None, true),
        // About the whole node even when an indicator is named.
        (Administer, 5, Some((&my, &green)), true),
        (Administer, 6, None, false),
    ] {
        let verdict = engine.local(action, &operator(uid), subject);
        assert_eq!(verdict.is_permit(), expected, "{action:?} by {uid}");
    }
}

#[test]
fn a_rule_about_the_publisher_s_group_holds_for_local_users_too() {
    let mut engine = engine(
        r#"permit (principal, action, resource);
        forbid (principal, action == Action::"query", resource is Indicator)
        when { resource.publisher in Group::"outside" };
        forbid (principal, action == Action::"share", resource)
        when { resource.publisher in Group::"outside" };"#,
    );
    let green = class(Tlp::Green, &[]);
    for (publisher, expected) in [(party("SG", &["outside"]), false), (party("SG", &[]), true)] {
        let query = LocalAction::Query(Purpose::Look);
        let subject = Some((&publisher, &green));
        let verdict = engine.local(query, &operator(1), subject);
        assert_eq!(verdict.is_permit(), expected, "{publisher:?}");
        let verdict = engine.share(&green, &publisher, &party("TH", &[]));
        assert_eq!(verdict.is_permit(), expected, "{publisher:?}");
    }
}

#[test]
fn obligations_of_all_matching_permits_are_joined() {
    let text = r#"
        permit (principal, action == Action::"share", resource);
        @strip("description, loss") @hold("officer")
        permit (principal, action == Action::"share", resource) when { resource.confidence > 50 };
        @strip("tags,loss") @hold("legal,officer")
        permit (principal, action == Action::"share", resource) when { resource.confidence > 60 };
        @strip("times") @hold("nobody")
        permit (principal, action == Action::"share", resource) when { resource.confidence > 90 };
    "#;
    let verdict = shared(text, &class(Tlp::Green, &[]));
    let Verdict::Permit {
        by, strip, hold, ..
    } = &*verdict
    else {
        panic!("{verdict}");
    };
    assert_eq!(
        by.iter().map(|line| line.line).collect::<Vec<_>>(),
        [2, 3, 5]
    );
    assert_eq!(
        *strip,
        Projection::DESCRIPTION | Projection::LOSS | Projection::TAGS
    );
    let hold: Vec<_> = hold.iter().map(Role::as_str).collect();
    assert_eq!(hold, ["legal", "officer"]);
    assert_eq!(
        verdict.to_string(),
        "released without description,loss,tags once confirmed by legal, officer: t.cedar line 2, \
         t.cedar line 3, t.cedar line 5"
    );
}

#[test]
fn a_refused_set_leaves_the_old_one_usable() {
    let mut engine = engine(ALL);
    let green = class(Tlp::Green, &[]);
    let (my, sg) = (party("MY", &[]), party("SG", &[]));
    assert!(engine.share(&green, &my, &sg).is_permit());
    assert!(
        PolicySet::parse(&[(
            "t.cedar",
            "permit (principal, action, resource) when { 1 };"
        )])
        .is_err()
    );
    assert!(engine.share(&green, &my, &sg).is_permit());
    assert_eq!(engine.evaluations(), 1);
}

#[test]
fn one_evaluation_for_each_class_that_policies_can_tell_apart() {
    let text = r#"permit (principal, action == Action::"share", resource)
        when { resource.confidence > 50 || resource.kind == Kind::"url" };"#;
    let mut engine = engine(text);
    let (my, sg) = (party("MY", &[]), party("SG", &[]));
    for n in 0_u8..=255 {
        for tag in 0..40 {
            let mut class = class(Tlp::Green, &[]);
            class.confidence = n % 100;
            class.kind = Kind::ALL[usize::from(n) % 2];
            class.tags = tags(&[&format!("case-{n}-{tag}")]);
            class.has_loss = tag % 2 == 0;
            let verdict = engine.share(&class, &my, &sg);
            assert_eq!(verdict.is_permit(), class.confidence > 50);
        }
    }
    // 10,240 indicators, each with its own tag; n % 100 fixes n % 2.
    assert_eq!(engine.evaluations(), 100);
    assert_eq!(engine.cache_len(), 100);
    // Another recipient is another question.
    engine.share(&class(Tlp::Green, &[]), &my, &party("SG", &["mekong"]));
    assert_eq!(engine.evaluations(), 101);
}

#[test]
fn a_class_is_what_is_said_of_a_value() {
    let mut draft = Fields::new(Scheme::Job, 70.try_into().unwrap(), Tlp::Amber);
    draft.releasable_to = BoundedVec::new(vec!["SG".parse().unwrap()]).unwrap();
    draft.countries = BoundedVec::new(vec!["TH".parse().unwrap()]).unwrap();
    draft.tags = tags(&["urgent"]);
    draft.basis = Basis::Predicted;
    draft.loss = Some("100 MYR".parse().unwrap());
    let expected = Class {
        kind: Kind::Phone,
        scheme: Scheme::Job,
        tlp: Tlp::Amber,
        confidence: 70,
        releasable_to: draft.releasable_to.clone(),
        countries: draft.countries.clone(),
        value_country: "MY".parse().ok(),
        basis: Basis::Predicted,
        has_loss: true,
        tags: draft.tags.clone(),
    };
    let value = Value::parse(Kind::Phone, "+60123456789", &Reading::default()).unwrap();
    let assertion = Assertion::try_from(draft).unwrap();
    assert_eq!(Class::of(&value, &assertion), expected);
}

#[test]
fn the_default_files_do_what_they_say() {
    let policies = PolicySet::parse(&DEFAULT_FILES).unwrap();
    assert!(policies.lines().all(|line| line.note.is_some()));
    let mut engine = Engine::new(policies, BTreeSet::new());
    let (my, sg) = (party("MY", &[]), party("SG", &["mekong"]));
    for (tlp, to, expected) in [
        (Tlp::Clear, &[][..], true),
        (Tlp::Green, &[], true),
        (Tlp::Green, &["TH"], false),
        (Tlp::Amber, &["mekong"], true),
        (Tlp::Amber, &["TH"], false),
        (Tlp::AmberStrict, &["SG"], true),
        (Tlp::Red, &["SG"], true),
        (Tlp::Red, &["mekong"], false),
    ] {
        let verdict = engine.share(&class(tlp, to), &my, &sg);
        assert_eq!(verdict.is_permit(), expected, "{tlp} to {to:?}: {verdict}");
    }
    let green = class(Tlp::Green, &[]);
    assert!(engine.accept(&green, &sg).is_permit());
    for action in [
        LocalAction::Query(Purpose::Bulk),
        LocalAction::Publish,
        LocalAction::Withdraw,
        LocalAction::Administer,
    ] {
        for subject in [None, Some((&my, &green))] {
            assert!(engine.local(action, &operator(1000), subject).is_permit());
            assert!(!engine.local(action, &operator(1001), subject).is_permit());
        }
    }
}

#[test]
fn the_examples_in_the_default_files_are_valid() {
    for (name, text) in DEFAULT_FILES {
        let (_, examples) = text.split_once("to use one.").unwrap();
        let examples = examples.replace("// ", "");
        let set = PolicySet::parse(&[(name, &examples)]).unwrap();
        assert!(set.len() >= 2, "{name}");
    }
}

#[test]
fn the_schema_knows_all_kinds_schemes_and_markings() {
    let set = |names: Vec<String>| format!("[{}]", names.join(", "));
    let kinds = set(Kind::ALL.map(|kind| format!("Kind::\"{kind}\"")).to_vec());
    let schemes = set(Scheme::ALL
        .map(|scheme| format!("Scheme::\"{scheme}\""))
        .to_vec());
    let text = format!(
        "permit (principal, action == Action::\"share\", resource)
         when {{ resource.kind in {kinds} && resource.scheme in {schemes} }};"
    );
    let mut engine = engine(&text);
    for kind in Kind::ALL {
        for scheme in Scheme::ALL {
            for tlp in Tlp::ALL {
                let mut class = class(tlp, &["SG"]);
                (class.kind, class.scheme) = (kind, scheme);
                let verdict = engine.share(&class, &party("MY", &[]), &party("SG", &[]));
                assert!(verdict.is_permit(), "{verdict}");
            }
        }
    }
}

fn any_class() -> impl Strategy<Value = Class> {
    let name = prop::sample::select(vec!["SG", "TH", "PH-CICC", "mekong", "banks"]);
    (
        prop::sample::select(Tlp::ALL.to_vec()),
        prop::collection::btree_set(name, 0..4),
        prop::sample::select(Kind::ALL.to_vec()),
        prop::sample::select(Scheme::ALL.to_vec()),
        0_u8..=100,
        any::<(bool, bool, bool)>(),
    )
        .prop_map(
            |(tlp, to, kind, scheme, confidence, (loss, predicted, seat))| Class {
                kind,
                scheme,
                confidence,
                has_loss: loss,
                basis: if predicted {
                    Basis::Predicted
                } else {
                    Basis::Reported
                },
                value_country: seat.then(|| "MY".parse::<Country>().unwrap()),
                ..class(tlp, &to.into_iter().collect::<Vec<_>>())
            },
        )
}

/// The rule of the protocol, said again and as plainly as possible.
fn may_have(class: &Class, name: &str, groups: &[&str]) -> bool {
    let to = |wanted: &str| {
        let mut to = class.releasable_to.iter();
        to.any(|recipient: &Recipient| recipient.to_string() == wanted)
    };
    let group = groups.iter().any(|group| to(group));
    match class.tlp {
        Tlp::Clear | Tlp::Green => class.releasable_to.is_empty() || to(name) || group,
        Tlp::Amber => to(name) || group,
        Tlp::AmberStrict | Tlp::Red => to(name),
    }
}

proptest! {
    #[test]
    fn never_above_the_ceiling_and_with_a_permit_for_all_never_below(
        classes in prop::collection::vec(any_class(), 1..20),
    ) {
        let mut engine = engine("permit (principal, action, resource);");
        for class in &classes {
            for (name, groups) in [("SG", &["mekong"][..]), ("TH", &["mekong", "banks"]), ("LA", &[])] {
                let verdict = engine.share(class, &party("MY", &[]), &party(name, groups));
                prop_assert_eq!(verdict.is_permit(), may_have(class, name, groups), "{}", verdict);
            }
        }
    }

    #[test]
    fn a_verdict_from_the_cache_is_the_verdict(
        classes in prop::collection::vec(any_class(), 1..20),
    ) {
        let text = r#"permit (principal, action, resource is Indicator)
            when { resource.confidence > 50 && resource.kind in [Kind::"url", Kind::"ip"] };
            permit (principal in Group::"mekong", action == Action::"share", resource)
            when { principal in resource.groups || context.named };
            forbid (principal, action, resource is Indicator)
            when { resource.loss && resource has value_country };"#;
        let mut kept = engine(text);
        let policies = kept.policies().clone();
        for class in &classes {
            let sg = party("SG", &["mekong"]);
            let known = kept.share(class, &party("MY", &[]), &sg);
            let mut fresh = Engine::new(policies.clone(), BTreeSet::new());
            prop_assert_eq!(known, fresh.share(class, &party("MY", &[]), &sg));
        }
    }
}
