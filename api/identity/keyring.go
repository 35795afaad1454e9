package identity

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"
)

// ErrNoKeyRing says that a directory holds no key ring.
var ErrNoKeyRing = errors.New("there is no key ring")

// KeyRing is a server's versioned keys: for signing tokens, for sealing, for keyed hashes and
// for signing the audit log. It does not change once read, and is safe for concurrent use.
type KeyRing struct {
	id    string
	token versioned[ed25519.PrivateKey]
	seal  versioned[[]byte]
	hash  versioned[[]byte]
	logs  []LogKey // oldest first; at least one
}

// LogKey is a key that signs checkpoints of the audit log, or once did.
type LogKey struct {
	Signer   note.Signer
	Verifier note.Verifier
	Public   string // Verifier in the encoding of signed notes, to be given to whoever verifies the log without the ring
}

// versioned is one kind of key in all its versions.
type versioned[K any] struct {
	newest uint32 // the version to make things with
	// key returns the key of a version. It is a function since fmt cannot look into one: a
	// struct that holds a ring, printed with %s by mistake, would otherwise print the keys.
	key func(version uint32) (K, bool)
}

func (v versioned[K]) current() K {
	k, _ := v.key(v.newest)
	return k
}

// collect returns the keys that read makes of the secrets of one kind, with newest 0 if
// there is none.
func collect[K any](files []keyFile, secret func(keyFile) []byte, read func([]byte) K) versioned[K] {
	keys, newest := map[uint32]K{}, uint32(0)
	for _, f := range files {
		if s := secret(f); s != nil {
			keys[f.Version] = read(s)
			newest = max(newest, f.Version)
		}
	}
	return versioned[K]{newest, func(version uint32) (K, bool) {
		k, ok := keys[version]
		return k, ok
	}}
}

func asIs(secret []byte) []byte { return secret }

// OpenKeyRing reads the key ring in dir, and makes one first if there is none. Any number of
// processes may do so at once: all get the same ring. Errors are those of ReadKeyRing, without
// ErrNoKeyRing, and of making files.
func OpenKeyRing(dir string) (*KeyRing, error) {
	k, err := ReadKeyRing(dir)
	if !errors.Is(err, ErrNoKeyRing) {
		return k, err
	}
	if err := create(dir); err != nil {
		return nil, fmt.Errorf("making the key ring: %w", err)
	}
	return ReadKeyRing(dir)
}

// ReadKeyRing reads the key ring in dir and never makes one: if there is none the error wraps
// ErrNoKeyRing and says what does. It refuses keys that other users of the machine can read or
// replace, and key files that are damaged or of different rings.
func ReadKeyRing(dir string) (*KeyRing, error) {
	files, err := readFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the key ring: %w", err)
	}
	for _, f := range files[1:] {
		if f.Ring != files[0].Ring {
			return nil, fmt.Errorf("reading the key ring: %s holds keys of two rings, %s and %s", dir, files[0].Ring, f.Ring)
		}
	}
	k := &KeyRing{
		id:    files[0].Ring,
		token: collect(files, func(f keyFile) []byte { return f.Token }, ed25519.NewKeyFromSeed),
		seal:  collect(files, func(f keyFile) []byte { return f.Seal }, asIs),
		hash:  collect(files, func(f keyFile) []byte { return f.Hash }, asIs),
	}
	slices.SortFunc(files, func(a, b keyFile) int { return cmp.Compare(a.Version, b.Version) })
	for _, f := range files {
		if f.Log == nil {
			continue
		}
		key, err := k.newLogKey(ed25519.NewKeyFromSeed(f.Log))
		if err != nil {
			return nil, fmt.Errorf("reading the key ring: %w", err)
		}
		k.logs = append(k.logs, key)
	}
	if k.token.newest == 0 || k.seal.newest == 0 || k.hash.newest == 0 || len(k.logs) == 0 {
		return nil, fmt.Errorf("reading the key ring: the files in %s must hold a token, a seal, a hash and a log key between them", dir)
	}
	return k, nil
}

// Hash returns HMAC-SHA-256 of the data under the newest hash key, in hex behind the key's
// version: "1:9f86…". The same data for two purposes gives unrelated hashes.
func (k *KeyRing) Hash(purpose string, data []byte) string {
	h := hmac.New(sha256.New, k.hash.current())
	var length [8]byte // keeps purpose and data apart
	binary.BigEndian.PutUint64(length[:], uint64(len(purpose)))
	h.Write(length[:])
	io.WriteString(h, purpose)
	h.Write(data)
	return strconv.FormatUint(uint64(k.hash.newest), 10) + ":" + hex.EncodeToString(h.Sum(nil))
}

// issuer is the embedded issuer's iss claim.
func (k *KeyRing) issuer() string { return "muniment:local:" + k.id }

// LogName is the audit log's origin, the first line of its checkpoints and the name of its
// key: "muniment.local/<random id>", fixed when the ring is made.
func (k *KeyRing) LogName() string { return "muniment.local/" + k.id }

// LogSigner signs the audit log's checkpoints with the newest log key.
func (k *KeyRing) LogSigner() note.Signer { return k.logs[len(k.logs)-1].Signer }

// LogVerifier verifies what LogSigner signs.
func (k *KeyRing) LogVerifier() note.Verifier { return k.logs[len(k.logs)-1].Verifier }

// LogKey is LogVerifier's key in the encoding of signed notes.
func (k *KeyRing) LogKey() string { return k.logs[len(k.logs)-1].Public }

// LogKeys are all keys of the log that the ring holds, in the order of their versions: the last
// signs. The list is the caller's.
func (k *KeyRing) LogKeys() []LogKey { return slices.Clone(k.logs) }

// LogVerifiers verify what any key of the ring has signed.
func (k *KeyRing) LogVerifiers() note.Verifiers {
	var list []note.Verifier
	for _, key := range k.logs {
		list = append(list, key.Verifier)
	}
	return note.VerifierList(list...)
}

func (k *KeyRing) newLogKey(key ed25519.PrivateKey) (LogKey, error) {
	public, err := note.NewEd25519VerifierKey(k.LogName(), key.Public().(ed25519.PublicKey))
	if err != nil {
		return LogKey{}, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return LogKey{}, err
	}
	signer := logSigner{k.LogName(), verifier.KeyHash(), func(msg []byte) []byte { return ed25519.Sign(key, msg) }}
	return LogKey{signer, verifier, public}, nil
}

// logSigner is a note.Signer for a key that is not kept in note's own encoding.
type logSigner struct {
	name string
	hash uint32
	sign func(msg []byte) []byte
}

// Name implements note.Signer.
func (s logSigner) Name() string { return s.name }

// KeyHash implements note.Signer.
func (s logSigner) KeyHash() uint32 { return s.hash }

// Sign implements note.Signer.
func (s logSigner) Sign(msg []byte) ([]byte, error) { return s.sign(msg), nil }
