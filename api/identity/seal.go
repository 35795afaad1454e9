package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrSeal is all that Unseal says of a token that is forged, damaged, expired, of another
// caller or for another purpose. Saying which would tell something about what is inside.
var ErrSeal = errors.New("the token is not valid here")

// Purpose is what a sealed token is for. A token of one purpose is worthless for another.
type Purpose string

// The purposes of sealed tokens.
const (
	PurposeConsistency Purpose = "consistency" // at least as fresh as this write
	PurposeReceipt     Purpose = "receipt"     // this answer was recorded
	PurposePage        Purpose = "page"        // where the next page starts
)

// MaxSealedBytes is the largest payload of a sealed token.
const MaxSealedBytes = 64

// SealedLength is the length in bytes of every sealed token, whatever it holds.
const SealedLength = (sealedBytes*8 + 5) / 6

// NeverExpires is the expiry of tokens that are good for as long as the ring has their key.
var NeverExpires = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// The layout of a sealed token, before base64: the key's version, the salt, then what the
// AEAD makes of expiry, payload length and padded payload.
const (
	versionBytes  = 4
	saltBytes     = 12
	expiryBytes   = 8 // microseconds since 1970
	plainBytes    = expiryBytes + 1 + MaxSealedBytes
	overheadBytes = 12 + 16 // nonce and tag of AES-GCM
	sealedBytes   = versionBytes + saltBytes + plainBytes + overheadBytes
)

// Seal returns the payload as an opaque token of SealedLength URL-safe characters, good for
// the purpose and the binding (who asks, through which app, for what) until the expiry, which
// is exclusive and counted in microseconds. Errors: a payload over MaxSealedBytes, a missing
// purpose, a missing expiry or one after NeverExpires.
func (k *KeyRing) Seal(p Purpose, binding, payload []byte, expires time.Time) (string, error) {
	switch {
	case p == "":
		return "", errors.New("sealing a token: missing purpose")
	case len(payload) > MaxSealedBytes:
		return "", fmt.Errorf("sealing a %s token: payload of %d bytes, at most %d", p, len(payload), MaxSealedBytes)
	case expires.IsZero() || expires.After(NeverExpires):
		return "", fmt.Errorf("sealing a %s token: missing expiry, or one after the year 9999", p)
	}
	sealed := binary.BigEndian.AppendUint32(make([]byte, 0, sealedBytes), k.seal.newest)
	sealed = sealed[:versionBytes+saltBytes]
	rand.Read(sealed[versionBytes:]) // never fails
	aead, err := sealer(k.seal.current(), sealed[versionBytes:], p)
	if err != nil {
		return "", fmt.Errorf("sealing a %s token: %w", p, err)
	}
	var plain [plainBytes]byte
	binary.BigEndian.PutUint64(plain[:], uint64(expires.UnixMicro()))
	plain[expiryBytes] = byte(len(payload))
	copy(plain[expiryBytes+1:], payload)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(sealed, nil, plain[:], binding)), nil
}

// Unseal returns the payload of a token that Seal made for the same purpose and binding and
// that has not expired at now. Its only error is ErrSeal.
func (k *KeyRing) Unseal(p Purpose, binding []byte, token string, now time.Time) ([]byte, error) {
	if len(token) != SealedLength {
		return nil, ErrSeal
	}
	// The decoder skips line breaks, so the length is checked again. Base64 of this length has
	// no spare bits, so each token has one spelling.
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(sealed) != sealedBytes {
		return nil, ErrSeal
	}
	secret, ok := k.seal.key(binary.BigEndian.Uint32(sealed))
	if !ok {
		return nil, ErrSeal
	}
	box := sealed[versionBytes+saltBytes:]
	aead, err := sealer(secret, sealed[versionBytes:versionBytes+saltBytes], p)
	if err != nil {
		return nil, ErrSeal
	}
	plain, err := aead.Open(nil, nil, box, binding)
	if err != nil || now.UnixMicro() >= int64(binary.BigEndian.Uint64(plain)) || plain[expiryBytes] > MaxSealedBytes {
		return nil, ErrSeal
	}
	return plain[expiryBytes+1:][:plain[expiryBytes]], nil
}

// sealer returns the AEAD for one token of the purpose.
//
// The simple version is one key for each purpose and a random nonce of 96 bits. That is good
// for 2³² tokens, and a server that acknowledges 3,000 items a second seals as many in 16 days.
// So each token gets a key of its own, derived with 96 more random bits: two tokens would have
// to meet in both halves. The purpose is part of the derivation, which keeps purposes apart.
func sealer(secret, salt []byte, p Purpose) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, "muniment sealed token 1 "+string(p), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
