package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

func signed(t testing.TB, text string, signers ...note.Signer) []byte {
	t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestCheckpointIsStrict(t *testing.T) {
	c, stranger := audittest.Keys(t), audittest.Keys(t)
	root := strings.Repeat("A", 43) + "="
	for name, text := range map[string]string{
		"two lines":          "origin\n5\n",
		"no origin":          "\n5\n" + root + "\n",
		"negative size":      "origin\n-5\n" + root + "\n",
		"leading zero":       "origin\n05\n" + root + "\n",
		"plus":               "origin\n+5\n" + root + "\n",
		"huge size":          "origin\n99999999999999999999\n" + root + "\n",
		"short root":         "origin\n5\nAAAA\n",
		"root's stray bits":  "origin\n5\n" + root[:42] + "B=\n",
		"root with a space":  "origin\n5\n" + root + " \n",
		"more than is read ": "origin\n5\n" + root + "\n" + strings.Repeat("x", 1<<16) + "\n",
	} {
		if cp, err := audit.OpenCheckpoint(signed(t, text, c.Signer), note.VerifierList(c.Verifier)); !errors.Is(err, audit.ErrCheckpoint) {
			t.Errorf("%s: %v, %v", name, cp, err)
		}
	}
	good := signed(t, "origin\n5\n"+root+"\nan extension\n", stranger.Signer, c.Signer)
	if cp, err := audit.OpenCheckpoint(good, note.VerifierList(c.Verifier)); err != nil || cp.N != 5 || cp.Origin != "origin" {
		t.Fatal(cp, err)
	}
	if _, err := audit.OpenCheckpoint(good, nil); !errors.Is(err, audit.ErrCheckpoint) {
		t.Error(err)
	}
	if _, err := audit.OpenCheckpoint(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), note.VerifierList(c.Verifier)); !errors.Is(err, audit.ErrCheckpoint) {
		t.Error(err)
	}
	// No byte can be exchanged for another: not even the unused bits of the signature's last letter.
	for _, saved := range [][]byte{good, signed(t, "origin\n5\n"+root+"\n", c.Signer)} {
		at := bytes.LastIndexByte(saved, '\xe2') // the last signature is c's
		for i := at; i < len(saved); i++ {
			for bit := range 8 {
				bad := bytes.Clone(saved)
				bad[i] ^= 1 << bit
				if _, err := audit.OpenCheckpoint(bad, note.VerifierList(c.Verifier)); !errors.Is(err, audit.ErrCheckpoint) {
					t.Errorf("byte %d, bit %d: %v", i, bit, err)
				}
			}
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	_, c := audittest.Fixed(f, 0)
	f.Add(signed(f, "origin\n5\n"+tlog.Hash{}.String()+"\n", c.Signer))
	f.Add([]byte("origin\n5\n\n— x y\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		a, errA := audit.OpenCheckpoint(msg, note.VerifierList(c.Verifier))
		b, errB := audit.ReadCheckpoint(msg)
		if errA == nil && (errB != nil || a != b) {
			t.Errorf("opened as %v, read as %v, %v", a, b, errB)
		}
		if a.N < 0 || b.N < 0 {
			t.Error("negative size")
		}
	})
}

// The format is C2SP's to the byte, so that other tools read it.
func TestCheckpointFormat(t *testing.T) {
	m := &audittest.Memory{}
	c := audittest.Keys(t)
	l := audittest.Open(t, m, c)
	empty := string(m.Note)
	audittest.Append(t, l, 0, 1)
	e, err := l.Append(ctx, audittest.Record(1))
	if err != nil {
		t.Fatal(err)
	}
	msg, err := l.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := l.Record(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		empty:       "audit.example/test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— audit.example/test ",
		string(msg): "audit.example/test\n2\n" + tlog.NodeHash(first.Leaf, e.Leaf).String() + "\n\n— audit.example/test ",
	} {
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\n") {
			t.Errorf("%q does not begin with %q", got, want)
		}
	}
}
