//! The algorithms: AES-256-GCM, HKDF-SHA256, HMAC-SHA256, and HPKE with X-Wing.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};

use super::OpenError;
use crate::{Label, Secret};

/// How an epoch key is sealed to a recipient (RFC 9180 with the KEM of draft-connolly-cfrg-xwing-kem).
pub(super) mod recipient {
    pub(in crate::sealing) use hpke::Kem as KemTrait;
    pub(in crate::sealing) use hpke::aead::AesGcm256 as Aead;
    pub(in crate::sealing) use hpke::kdf::HkdfSha256 as Kdf;
    pub(in crate::sealing) use hpke::kem::XWing as Kem;
}

pub(crate) const TAG: usize = 16;
pub(crate) const NONCE: usize = 12;
const _: () = assert!(TAG == MAX_TAG_LEN && NONCE == NONCE_LEN);

/// An AES-256-GCM key that was derived for one purpose.
pub(crate) struct AeadKey(LessSafeKey);

impl AeadKey {
    /// HKDF-SHA256 of `secret` under `salt` and `info`.
    pub(crate) fn derive(salt: &[u8], secret: &Secret<32>, info: &[u8]) -> Self {
        let info = [info];
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret.expose());
        let okm = key
            .expand(&info, &AES_256_GCM)
            .expect("32 bytes are within what HKDF gives");
        Self(LessSafeKey::new(UnboundKey::from(okm)))
    }

    /// Seals in place and appends the tag. One nonce is used once with one key.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], aad: &[u8], bytes: &mut Vec<u8>) {
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), bytes)
            .expect("no sealed value comes near 64 GiB");
    }

    /// Opens in place and cuts off the tag.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE],
        aad: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self
            .0
            .open_in_place(nonce, Aad::from(aad), bytes)
            .map_err(|_| OpenError)?
            .len();
        bytes.truncate(length);
        Ok(())
    }
}

/// HKDF-SHA256 of `secret` without a salt, for keys of a fixed purpose.
pub(crate) fn derive(secret: &Secret<32>, label: Label) -> Secret<32> {
    struct Bytes32;
    impl hkdf::KeyType for Bytes32 {
        fn len(&self) -> usize {
            32
        }
    }

    let info = label.framed(&[]);
    let info = [info.as_slice()];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret.expose());
    Secret::filled(|out| {
        key.expand(&info, Bytes32)
            .and_then(|okm| okm.fill(out))
            .expect("32 bytes are within what HKDF gives");
    })
}

/// A key of HMAC-SHA256.
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The MAC over label and parts, each after its length.
    pub(crate) fn mac(&self, label: Label, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        label.frame(parts, |bytes| context.update(bytes));
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test case 2, reached through ring in the way this file does.
    #[test]
    fn rfc4231() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(
            hex(tag.as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// The AES-256 case with associated data of the GCM specification, test case 16.
    #[test]
    fn gcm_specification() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
                .collect()
        };
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key = AeadKey(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, &key).unwrap(),
        ));
        let nonce = bytes("cafebabefacedbaddecaf888").try_into().unwrap();
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = bytes(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let mut sealed = plain.clone();
        key.seal(nonce, &aad, &mut sealed);
        assert_eq!(
            hex(&sealed),
            concat!(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
                "76fc6ece0f4e1768cddf8853bb2d551b"
            )
        );
        key.open(nonce, &aad, &mut sealed).unwrap();
        assert_eq!(sealed, plain);
    }
}
