package file_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

// FuzzDirectory reads whatever stands in a directory: it may say that it is no log, or damaged, and
// nothing else. The checksums are those of the good log, so the seeds are what gets far.
func FuzzDirectory(f *testing.F) {
	m, c := audittest.Fixed(f, 4)
	place := filepath.Join(scratch(f), "audit")
	s := openFile(f, place)
	for _, b := range []audit.Batch{
		{Entries: m.Stored[:2], Hashes: m.Hash[:3]},
		{First: 2, Entries: m.Stored[2:], Hashes: m.Hash[3:], Checkpoint: m.Note},
	} {
		if err := s.Append(ctx, b); err != nil {
			f.Fatal(err)
		}
	}
	d := readDir(f, place)
	f.Add(d["checkpoint"], d["commitments"], d["bodies"], d["hashes"], d["erased"])
	f.Add([]byte{}, d["commitments"][:64+64*2+3], d["bodies"], d["hashes"][:100], d["erased"])
	f.Add([]byte("x\n9223372036854775807\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"), d["commitments"], d["bodies"], d["hashes"], d["erased"])
	f.Add(d["checkpoint"], d["commitments"], d["bodies"][:900], d["hashes"], d["erased"])
	f.Fuzz(func(t *testing.T, checkpoint, commitments, bodies, hashes, erased []byte) {
		dir := scratch(t)
		directory{"checkpoint": checkpoint, "commitments": commitments, "bodies": bodies, "hashes": hashes, "erased": erased}.write(t, dir)
		r, err := file.OpenReadOnly(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		report, err := audit.Verify(ctx, r, note.VerifierList(c.Verifier), nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.OK && report.Proven != 4 {
			t.Error(report)
		}
		s, err := file.Open(dir)
		if err != nil {
			return
		}
		defer s.Close()
		if l, err := audit.Open(ctx, s, c); err == nil {
			l.Close()
		}
	})
}

// BenchmarkAppend measures one caller's append with its sync, on the disk of the temporary directory.
func BenchmarkAppend(b *testing.B) {
	l := audittest.Open(b, openFile(b, b.TempDir()+"/audit"), audittest.Keys(b))
	r := audittest.Record(1)
	for b.Loop() {
		if _, err := l.Append(ctx, r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendShared measures eight callers that share syncs.
func BenchmarkAppendShared(b *testing.B) {
	l := audittest.Open(b, openFile(b, b.TempDir()+"/audit"), audittest.Keys(b))
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		r := audittest.Record(1)
		for pb.Next() {
			if _, err := l.Append(ctx, r); err != nil {
				b.Error(err)
			}
		}
	})
}
