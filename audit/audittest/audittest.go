// Package audittest is what every storage of the audit log must pass, and a storage in memory.
package audittest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
)

// Origin is the name of the logs that these tests write.
const Origin = "audit.example/test"

// Keys returns a configuration with a new signing key.
func Keys(t testing.TB) audit.Config {
	t.Helper()
	return keys(t, nil)
}

func keys(t testing.TB, random io.Reader) audit.Config {
	t.Helper()
	private, public, err := note.GenerateKey(random, Origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Config{Origin: Origin, Signer: signer, Verifier: verifier, Public: public}
}

// Rotated returns the configuration with another signing key, which takes over from its own.
func Rotated(t testing.TB, c audit.Config) audit.Config {
	t.Helper()
	next := Keys(t)
	next.Earlier = append(slices.Clone(c.Earlier), audit.Key{Signer: c.Signer, Public: c.Public})
	return next
}

// Record returns a small retrieval record; records of different n differ.
func Record(n int) audit.Record {
	return audit.Record{
		ID: fmt.Sprintf("record/%d", n), Time: time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC), Kind: audit.KindRetrieve,
		App: "service:desk", User: "user:corp/ada",
		Retrieval: &audit.Retrieval{
			QueryHash: fmt.Sprintf("%064x", n), Query: fmt.Sprintf("question %d", n), Revision: uint64(n), Ranking: "default/1",
			Sources: []audit.Source{{
				Source: "handbook", ID: "leave.md", Version: int64(n), ContentHash: fmt.Sprintf("%064x", n+1),
				Start: 10, End: 20 + n, Rank: 1, Score: 1.5, State: "FRESH",
			}},
		},
	}
}

// Fixed returns a log of n records that is the same in every process, as the seeds of a fuzz test
// must be: key and salts are not random.
func Fixed(t testing.TB, n int) (*Memory, audit.Config) {
	t.Helper()
	c := keys(t, bytes.NewReader(make([]byte, 64)))
	m := &Memory{}
	var tree audit.Tree
	for i := range n {
		body, err := json.Marshal(Record(i))
		if err != nil {
			t.Fatal(err)
		}
		e := audit.Stored{Index: int64(i), Salt: [32]byte{byte(i)}, Body: body}
		e.Commitment = audit.Commitment(&e.Salt, body)
		m.Stored = append(m.Stored, e)
		m.Hash = tree.Add(audit.Leaf(e.Commitment), m.Hash)
	}
	var err error
	m.Note, err = note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", c.Origin, tree.Size(), tree.Root())}, c.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return m, c
}

// Open opens a log that the test's end closes, if the test does not. The storage stays open.
func Open(t testing.TB, s audit.Storage, c audit.Config) *audit.Log {
	t.Helper()
	l, err := audit.Open(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Append appends Record(n) for n from, …, to-1.
func Append(t testing.TB, l *audit.Log, from, to int) {
	t.Helper()
	records := make([]audit.Record, 0, to-from)
	for n := from; n < to; n++ {
		records = append(records, Record(n))
	}
	if _, err := l.AppendAll(context.Background(), records); err != nil {
		t.Fatal(err)
	}
}

// Close closes a log and fails the test if that fails.
func Close(t testing.TB, l *audit.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Verify verifies a storage and fails the test unless it is in order.
func Verify(t testing.TB, r audit.Reader, c audit.Config, saved []byte) audit.Report {
	t.Helper()
	report, err := audit.Verify(context.Background(), r, note.VerifierList(c.Verifier), saved)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Fatal(report)
	}
	return report
}

// A Place is where a storage under test keeps its bytes. Each call opens the same bytes anew; the
// suite has closed the storage before, if it is an io.Closer.
type Place func(t testing.TB) audit.Storage

// shut closes a storage that can be closed.
func shut(t testing.TB, s audit.Storage) {
	t.Helper()
	if c, ok := s.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
