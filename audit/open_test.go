package audit_test

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// history is a log of 30 records with what was there after 10 and 20 of them, and checkpoints of both.
type history struct {
	audit.Config
	at10, at20, at30       *audittest.Memory
	note10, note20, note30 []byte
}

func newHistory(t testing.TB) history {
	h := history{Config: audittest.Keys(t)}
	m := &audittest.Memory{}
	grow := func(from, to int) (*audittest.Memory, []byte) {
		l := audittest.Open(t, m, h.Config)
		audittest.Append(t, l, from, to)
		audittest.Close(t, l)
		return m.Clone(), slices.Clone(m.Note)
	}
	h.at10, h.note10 = grow(0, 10)
	h.at20, h.note20 = grow(10, 20)
	h.at30, h.note30 = grow(20, 30)
	return h
}

func TestOpenRefuses(t *testing.T) {
	h := newHistory(t)
	other := audittest.Keys(t)
	elsewhere := h.Config
	elsewhere.Origin = "audit.example/other"
	damage := errors.New("a DamageError")
	for name, c := range map[string]struct {
		change func(m *audittest.Memory, c *audit.Config)
		want   error
	}{
		"records gone": {func(m *audittest.Memory, _ *audit.Config) {
			m.Stored, m.Hash = h.at20.Stored, h.at20.Hash
		}, audit.ErrRolledBack},
		"all rolled back, and a checkpoint was saved": {func(m *audittest.Memory, c *audit.Config) {
			*c, m.Stored, m.Hash, m.Note = h.Config, h.at20.Stored, h.at20.Hash, h.note20
			c.Saved = h.note30
		}, audit.ErrRolledBack},
		"all gone, and a checkpoint was saved": {func(m *audittest.Memory, c *audit.Config) {
			m.Stored, m.Hash, m.Note = nil, nil, nil
			c.Saved = h.note10
		}, audit.ErrRolledBack},
		"checkpoint gone":           {func(m *audittest.Memory, _ *audit.Config) { m.Note = nil }, audit.ErrCheckpoint},
		"checkpoint of a forger":    {func(m *audittest.Memory, c *audit.Config) { *c = other }, audit.ErrCheckpoint},
		"another log's":             {func(m *audittest.Memory, c *audit.Config) { *c = elsewhere }, audit.ErrCheckpoint},
		"saved is not a checkpoint": {func(m *audittest.Memory, c *audit.Config) { c.Saved = []byte("?") }, audit.ErrCheckpoint},
		"tree changed": {func(m *audittest.Memory, _ *audit.Config) {
			m.Hash[tlog.StoredHashIndex(4, 0)][0] ^= 1
		}, audit.ErrForked},
		"last signed body changed": {func(m *audittest.Memory, _ *audit.Config) {
			m.Stored[29].Body = []byte("{}")
		}, damage},
		"unsigned body changed": {func(m *audittest.Memory, _ *audit.Config) {
			m.Note, m.Stored[27].Body = h.note20, []byte("{}")
		}, damage},
		"unsigned body vanished": {func(m *audittest.Memory, _ *audit.Config) {
			m.Note, m.Stored[27].Body = h.note20, nil
		}, damage},
		"unsigned hash changed": {func(m *audittest.Memory, _ *audit.Config) {
			m.Note = h.note20
			m.Hash[tlog.StoredHashIndex(1, 12)][0] ^= 1
		}, damage},
		"no signer":     {func(_ *audittest.Memory, c *audit.Config) { c.Signer = nil }, audit.ErrConfig},
		"no verifier":   {func(_ *audittest.Memory, c *audit.Config) { c.Verifier = nil }, audit.ErrConfig},
		"no origin":     {func(_ *audittest.Memory, c *audit.Config) { c.Origin = "" }, audit.ErrConfig},
		"broken origin": {func(_ *audittest.Memory, c *audit.Config) { c.Origin = "a\nb" }, audit.ErrConfig},
	} {
		m, config := h.at30.Clone(), h.Config
		c.change(m, &config)
		before := m.Clone()
		l, err := audit.Open(ctx, m, config)
		if err == nil {
			l.Close()
		}
		var d *audit.DamageError
		if c.want == damage && !errors.As(err, &d) || c.want != damage && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(m.Stored) != len(before.Stored) || string(m.Note) != string(before.Note) {
			t.Errorf("%s: the refused storage was written to", name)
		}
	}
}

func TestOpenGoesOnWhereTheCheckpointIsBehind(t *testing.T) {
	h := newHistory(t)
	m := h.at30.Clone()
	m.Note = h.note10 // a crash before the later ones
	h.Saved = h.note20
	l := audittest.Open(t, m, h.Config)
	audittest.Append(t, l, 30, 31)
	audittest.Close(t, l)
	if r := audittest.Verify(t, m, h.Config, h.note30); r.Proven != 31 {
		t.Error(r)
	}
}

// Two servers with one key, both grown from the same ten records: each alone is in order.
func TestFork(t *testing.T) {
	h := newHistory(t)
	fork := h.at10.Clone()
	l := audittest.Open(t, fork, h.Config)
	audittest.Append(t, l, 110, 130)
	proof, err := l.Consistency(ctx, 20, 30)
	if err != nil {
		t.Fatal(err)
	}
	audittest.Close(t, l)
	audittest.Verify(t, fork, h.Config, h.note10)

	r, err := audit.Verify(ctx, fork, note.VerifierList(h.Verifier), h.note20)
	if err != nil || r.OK || r.First > 10 || r.Proven > 10 {
		t.Errorf("%v\n%v", r, err)
	}
	h.Saved = h.note20
	if _, err := audit.Open(ctx, fork, h.Config); !errors.Is(err, audit.ErrForked) {
		t.Error(err)
	}
	ours, _ := audit.OpenCheckpoint(h.note20, note.VerifierList(h.Verifier))
	theirs, _ := audit.OpenCheckpoint(fork.Note, note.VerifierList(h.Verifier))
	if tlog.CheckTree(proof, theirs.N, theirs.Hash, ours.N, ours.Hash) == nil {
		t.Error("the fork proved itself consistent with the log")
	}
}

// A running log whose stored tree is changed beneath it must not sign.
func TestSignsNothingInconsistent(t *testing.T) {
	m := &audittest.Memory{}
	l := audittest.Open(t, m, audittest.Keys(t))
	audittest.Append(t, l, 0, 5)
	first, err := l.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m.Hash[tlog.StoredHashIndex(2, 0)][3] ^= 8
	audittest.Append(t, l, 5, 8)
	if _, err := l.Checkpoint(ctx); !errors.Is(err, audit.ErrUnwritable) {
		t.Fatal(err)
	}
	if string(m.Note) != string(first) {
		t.Error("a checkpoint was saved")
	}
}
