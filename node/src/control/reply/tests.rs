use super::*;

/// Lines as programs know them: they are read, and written again byte by byte.
#[test]
fn answers_have_the_form_that_programs_know() {
    for line in [
        r#"{"indicator":{"id":"00","kind":"domain","value":"a.example","publisher":"MY","state":"in-force","reason":null,"revision":1,"made":"2026-01-31T00:00:00Z","matched":"parent domain","says":null,"proof":"witnessed","witnesses":["SG"],"feed":"01","index":7,"place":3,"released_to":["SG"]}}"#,
        r#"{"peer":{"member":"SG","name":"Singapore","groups":["asean"],"state":"not connected","why":"it stopped","heard":null,"statements":1,"missing":2,"faults":[["asked too often",3]],"addresses":[]}}"#,
        r#"{"feed":{"id":"01","publisher":"MY","audience":["MY","SG"],"closed":false,"void":false,"leaves":9,"signed":9,"statements":8,"missing":0,"erased":0,"unopened":0,"applied":9,"receipts":[["SG",9,0,0,9]]}}"#,
        r#"{"verdict":{"member":"SG","outcome":"would be released","because":"a rule"}}"#,
        r#"{"receipt":{"reader":"SG","said":"erased","revision":2,"state":"not confirmed","confirmed":null,"feed":"01","index":7}}"#,
        r#"{"status":{"version":"1","member":"MY","federation":"TEST","charter_version":1,"listening":[],"pid":1,"uptime":2,"own":3,"received":4,"feeds":5,"connected":[1,2],"to_release":0,"missing":0,"log_bytes":6,"memory":7,"recovery":null,"warnings":[{"text":"x","since":"a","last":"b","times":1}]}}"#,
        r#"{"erasure":{"id":"00","kind":null,"value":null,"reason":"personal-data","done":true,"feeds":1,"batches":1,"said_again":0,"readers":["SG"]}}"#,
        r#"{"erased":{"id":"00","kind":"domain","value":"a.example","publisher":"MY","reason":"unsaid","revision":2,"made":"2026-01-31T00:00:00Z"}}"#,
        r#"{"working":{"seconds":2}}"#,
        r#"{"done":{"count":1,"more":false,"partial":false,"hidden":0,"outcomes":["new","known"],"notes":[]}}"#,
        r#"{"error":{"code":"not-found","message":"no","next":"ask"}}"#,
    ] {
        let reply: Reply = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&reply).unwrap(), line);
    }
}
