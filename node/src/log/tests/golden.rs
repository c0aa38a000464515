//! A segment that was written once is written alike today: see `store::tests::golden`, which also
//! reads it.

use super::*;
use crate::log::segment::LogId;

const SEGMENT: &[u8] = include_bytes!("../../../../tests/vectors/store/00000001.seg");
const HEADER: usize = record::HEADER_LEN as usize;

#[test]
fn every_record_is_written_as_it_was() {
    let id = LogId::from_bytes(*SEGMENT[12..].first_chunk().unwrap());
    let dir = TempDir::new().unwrap();
    drop(segment::create(dir.path(), &id, 1).unwrap());
    let mut written = fs::read(segment::path(dir.path(), 1)).unwrap();
    let mut erased = 0;
    while written.len() < SEGMENT.len() {
        let at = Position::new(1, u32::try_from(written.len()).unwrap());
        let rest = &SEGMENT[written.len()..];
        let header = record::decode_header(&id, at, rest.first_chunk().unwrap()).unwrap();
        let payload = &rest[HEADER..header.record_len() as usize];
        let start = written.len();
        let setting = record::Setting {
            log: &id,
            at,
            durable: header.durable,
            more: header.more,
        };
        let record = Record {
            kind: header.kind,
            key: header.key,
            payload,
        };
        record::encode(setting, &record, &mut written);
        if header.erased {
            erased += 1;
            assert!(payload.iter().all(|byte| *byte == 0));
            written[start + record::STATE_AT as usize] = record::ERASED;
            written[start + record::ERASABLE_AT as usize..start + HEADER].fill(0);
        }
    }
    assert!(written == SEGMENT, "the form of the log has changed");
    assert_eq!(erased, 1, "the erased form is shown too");
}
