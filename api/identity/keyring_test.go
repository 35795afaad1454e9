package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// makerDir tells a process of this test program to open a key ring and say which one it got.
const makerDir = "MUNIMENT_TEST_KEY_RING"

func TestMain(m *testing.M) {
	if dir := os.Getenv(makerDir); dir != "" {
		k, err := OpenKeyRing(dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(fingerprint(k))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fingerprint differs for rings that differ in their id or in any key.
func fingerprint(k *KeyRing) string {
	h := sha256.New()
	fmt.Fprint(h, k.id, k.LogKey(), k.token.newest, k.token.current(), k.seal.newest, k.seal.current(), k.hash.newest, k.hash.current())
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestOpenKeyRingMakesOneAndKeepsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	made, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, filepath.Join(dir, "1.key"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	for name, open := range map[string]func(string) (*KeyRing, error){"Open": OpenKeyRing, "Read": ReadKeyRing} {
		if again, err := open(dir); err != nil || fingerprint(again) != fingerprint(made) {
			t.Errorf("%sKeyRing gives another ring, or %v", name, err)
		}
	}
	if fingerprint(newRing(t)) == fingerprint(made) {
		t.Error("two directories have one ring")
	}
}

func TestReadKeyRingMakesNothing(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "absent")} {
		k, err := ReadKeyRing(dir)
		if k != nil || !errors.Is(err, ErrNoKeyRing) || !strings.Contains(err.Error(), "muniment serve") {
			t.Errorf("%v, %v", k, err)
		}
	}
	if entries, _ := os.ReadDir(empty); len(entries) != 0 {
		t.Errorf("made %v", entries)
	}
}

func TestConcurrentMakersGetOneRing(t *testing.T) {
	const goroutines, processes = 16, 6
	dir := filepath.Join(t.TempDir(), "keys")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, goroutines+processes)
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for i := range got {
		wait.Go(func() {
			<-begin
			if i < goroutines {
				k, err := OpenKeyRing(dir)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = fingerprint(k)
				return
			}
			maker := exec.Command(program)
			maker.Env = append(os.Environ(), makerDir+"="+dir)
			out, err := maker.Output()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			got[i] = strings.TrimSpace(string(out))
		})
	}
	close(begin)
	wait.Wait()
	for i := range got {
		if got[i] != got[0] || got[i] == "" {
			t.Errorf("maker %d got %q, maker 0 %q", i, got[i], got[0])
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// rotate writes a second version of the ring in dir, with what change leaves in it.
func rotate(t *testing.T, k *KeyRing, dir string, change func(*keyFile)) *KeyRing {
	t.Helper()
	_, f, err := newFile()
	if err != nil {
		t.Fatal(err)
	}
	f.Ring, f.Version = k.id, 2
	change(&f)
	write(t, filepath.Join(dir, f.name()), encode(t, f), 0o600)
	next, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	old, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := newAuthority(t, old, nil)
	oldToken := issue(t, before, Request{Subject: "user:local/ada"})
	oldSeal := seal(t, old, "x")

	next := rotate(t, old, dir, func(f *keyFile) { f.Hash = nil })
	after, _ := newAuthority(t, next, nil)
	newToken := issue(t, after, Request{Subject: "user:local/ada"})
	for name, token := range map[string]string{"old": oldToken, "new": newToken} {
		if _, err := after.Verify(token); err != nil {
			t.Errorf("%s token, after rotation: %v", name, err)
		}
	}
	if _, err := before.Verify(newToken); Reason(err) != ReasonInvalid {
		t.Errorf("a token of a version that is not in the ring: %v", err)
	}
	if _, err := next.Unseal(PurposePage, nil, oldSeal, start); err != nil {
		t.Errorf("old seal, after rotation: %v", err)
	}
	if _, err := old.Unseal(PurposePage, nil, seal(t, next, "x"), start); err != ErrSeal {
		t.Errorf("a seal of a version that is not in the ring: %v", err)
	}
	if got, want := next.Hash("q", nil), old.Hash("q", nil); got != want || !strings.HasPrefix(got, "1:") {
		t.Errorf("version 2 has no hash key, but the hash is %s instead of %s", got, want)
	}
	if old.LogName() != next.LogName() || old.LogVerifier().KeyHash() == next.LogVerifier().KeyHash() {
		t.Error("rotation must keep the log's name and change its key")
	}

	// Removing a version ends what was made with it.
	rotate(t, old, dir, func(*keyFile) {})
	if err := os.Remove(filepath.Join(dir, "1.key")); err != nil {
		t.Fatal(err)
	}
	rest, err := ReadKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	removed, _ := newAuthority(t, rest, nil)
	if _, err := removed.Verify(oldToken); Reason(err) != ReasonInvalid {
		t.Errorf("a token by a removed key: %v", err)
	}
	if _, err := rest.Unseal(PurposePage, nil, oldSeal, start); err != ErrSeal {
		t.Errorf("a seal by a removed key: %v", err)
	}
	if !strings.HasPrefix(rest.Hash("q", nil), "2:") {
		t.Error("the hash does not name its version")
	}
}

// TestRotateLogKey: a rotation adds a version with a key for the log alone, and all that the
// ring had stays.
func TestRotateLogKey(t *testing.T) {
	dir := t.TempDir()
	if _, err := RotateLogKey(filepath.Join(dir, "none")); !errors.Is(err, ErrNoKeyRing) {
		t.Errorf("a ring that is not there: %v", err)
	}
	old, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	for want := uint32(2); want <= 11; want++ { // from 10 on, names sort otherwise than versions
		if got, err := RotateLogKey(dir); got != want || err != nil {
			t.Fatalf("version %d, %v, want %d", got, err, want)
		}
	}
	k, err := ReadKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := k.LogKeys()
	newest, err := readFile(filepath.Join(dir, "11.key"))
	if err != nil || newest.Token != nil || newest.Seal != nil || newest.Hash != nil {
		t.Errorf("version 11 rotates more than the log's key, or %v", err)
	}
	last, err := k.newLogKey(ed25519.NewKeyFromSeed(newest.Log))
	if err != nil || len(all) != 11 || all[0].Public != old.LogKey() || k.LogKey() != last.Public || k.Hash("q", nil) != old.Hash("q", nil) {
		t.Errorf("the ring has %d keys of the log, and signs with %s, %v", len(all), k.LogKey(), err)
	}
	signed, err := note.Sign(&note.Note{Text: "x\n"}, old.LogSigner())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, k.LogVerifiers()); err != nil {
		t.Errorf("what the first key signed: %v", err)
	}
}

func TestHash(t *testing.T) {
	k := newRing(t)
	form := regexp.MustCompile(`^1:[0-9a-f]{64}$`)
	seen := map[string]string{}
	for _, in := range [][2]string{{"query", "a"}, {"quer", "ya"}, {"querya", ""}, {"", "querya"}, {"query", "b"}, {"answer", "a"}} {
		h := k.Hash(in[0], []byte(in[1]))
		if !form.MatchString(h) || h != k.Hash(in[0], []byte(in[1])) {
			t.Errorf("Hash(%q) = %s, then %s", in, h, k.Hash(in[0], []byte(in[1])))
		}
		if other, twice := seen[h]; twice {
			t.Errorf("%q and %q have one hash", in, other)
		}
		seen[h] = fmt.Sprint(in)
	}
	if k.Hash("query", nil) == newRing(t).Hash("query", nil) {
		t.Error("two rings give one hash")
	}
}

func TestLogKeySignsNotes(t *testing.T) {
	k := newRing(t)
	if !regexp.MustCompile(`^muniment\.local/[a-z2-7]{16}$`).MatchString(k.LogName()) {
		t.Errorf("log name %q", k.LogName())
	}
	signed, err := note.Sign(&note.Note{Text: k.LogName() + "\n1\nAAAA\n"}, k.LogSigner())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(k.LogVerifier())); err != nil {
		t.Error(err)
	}
	if _, err := note.Open(signed, note.VerifierList(newRing(t).LogVerifier())); err == nil {
		t.Error("the verifier of another ring accepts the note")
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	dir := t.TempDir()
	k, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := readFile(filepath.Join(dir, "1.key"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := newAuthority(t, k, nil)
	type holder struct {
		ring  *KeyRing
		value KeyRing
		sign  note.Signer
	}
	held := holder{k, *k, k.LogSigner()}
	var printed strings.Builder
	for _, v := range []any{k, *k, a, k.LogSigner(), map[string]any{"ring": k}, []*KeyRing{k}, held, &held} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&printed, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "v", v)
		if data, err := json.Marshal(v); err == nil {
			printed.Write(data)
		}
	}
	for _, secret := range [][]byte{f.Token, f.Seal, f.Hash, f.Log} {
		for _, form := range []string{"%x", "%v", "%#v", "%d", "%q"} {
			s := strings.Trim(fmt.Sprintf(form, secret[:8]), `[]"`)
			s = strings.TrimSuffix(strings.TrimPrefix(s, "[]byte{"), "}")
			if strings.Contains(printed.String(), s) {
				t.Errorf("a secret was printed as %s", form)
			}
		}
	}
}
