package audit_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// No text but the export itself verifies.
func FuzzVerifyExport(f *testing.F) {
	m, c := audittest.Fixed(f, 3)
	var out bytes.Buffer
	if err := audit.Export(ctx, m, &out); err != nil {
		f.Fatal(err)
	}
	good := out.Bytes()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add([]byte("{}\n\n\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := audit.VerifyExport(ctx, bytes.NewReader(text), note.VerifierList(c.Verifier), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.OK != bytes.Equal(text, good) {
			t.Errorf("%q: %v", text, r)
		}
	})
}

// A log exported with a line that no record can have.
func TestExportRefusesDamage(t *testing.T) {
	h := newHistory(t)
	for name, change := range map[string]func(m *audittest.Memory){
		"a body is gone":          func(m *audittest.Memory) { m.Stored[4].Body = nil },
		"a body is two lines":     func(m *audittest.Memory) { m.Stored[4].Body = []byte("{\n}") },
		"records are missing":     func(m *audittest.Memory) { m.Stored = m.Stored[:9] },
		"there is no checkpoint":  func(m *audittest.Memory) { m.Note = nil },
		"the checkpoint is other": func(m *audittest.Memory) { m.Note = []byte("\n\n") },
	} {
		m := h.at10.Clone()
		change(m)
		if err := audit.Export(ctx, m, new(bytes.Buffer)); err == nil {
			t.Errorf("%s: exported", name)
		}
	}
}

func TestReportInWords(t *testing.T) {
	h := newHistory(t)
	keys := note.VerifierList(h.Verifier)
	m := h.at30.Clone()
	r, err := audit.Verify(ctx, m, keys, h.note10)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"verified: 30 records; the first 30 are as signed", "newest checkpoint: audit.example/test, 30 records", "saved checkpoint:  audit.example/test, 10 records"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is missing in\n%v", want, r)
		}
	}
	m.Note, h.note10 = h.note20, nil
	if r, err = audit.Verify(ctx, m, keys, nil); err != nil || !strings.Contains(r.String(), "the last 10 are not under a checkpoint yet") {
		t.Errorf("%v, %v", r, err)
	}
	m.Stored[7].Salt[0] ^= 1
	if r, err = audit.Verify(ctx, m, keys, nil); err != nil || !strings.Contains(r.String(), "NOT VERIFIED: first bad record 7: body and salt do not open the commitment") {
		t.Errorf("%v, %v", r, err)
	}
	if (audit.Report{}).OK {
		t.Error("the zero report is OK")
	}
}
