package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxLine is the longest line of an export in bytes.
const maxLine = MaxBody + 1024

// VerifyExport is Verify for what Export wrote.
func VerifyExport(ctx context.Context, r io.Reader, v note.Verifiers, saved []byte) (Report, error) {
	w := newWalk(v)
	w.saved(saved)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	lines.Split(wholeLines)
	checkpoint, err := w.lines(ctx, lines)
	if err == nil {
		err = lines.Err()
	}
	if err == bufio.ErrTooLong {
		w.found(&DamageError{w.tree.Size(), "line is longer than any record"})
		w.unproven()
		return w.finish(), nil
	}
	if err != nil {
		return Report{First: 0, Problem: "unreadable"}, fmt.Errorf("verifying the exported audit log: %w", err)
	}
	if w.report.First >= 0 && checkpoint == nil {
		w.unproven()
		return w.finish(), nil
	}
	w.newest(checkpoint)
	if n := w.report.Checkpoint.N; w.report.Checkpoint.Origin != "" && n < w.tree.Size() {
		w.found(&DamageError{n, fmt.Sprintf("the export has %d records, its checkpoint signs %d", w.tree.Size(), n)})
	}
	if damage := w.roots(); damage != nil {
		w.found(damage)
	}
	if damage := w.end(); damage != nil {
		w.found(damage)
	}
	return w.finish(), nil
}

// lines walks the lines and returns the checkpoint of the last one, nil if it did not get there.
//
// After a bad record the walk goes on with the leaf that its line claims, so that the roots still
// tell whether the records before it are those that were signed. Where a line claims no leaf, or is
// not in its place, there is no tree to go on with.
func (w *walk) lines(ctx context.Context, lines *bufio.Scanner) ([]byte, error) {
	if damage := w.roots(); damage != nil {
		w.found(damage)
	}
	for more := lines.Scan(); more; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := w.tree.Size()
		text := bytes.Clone(lines.Bytes())
		more = lines.Scan()
		l, err := parseLine(text)
		if err != nil {
			if !more { // the last line is the checkpoint's, or was
				w.found(&DamageError{w.proven, "the last line cannot be read"})
				return nil, nil
			}
			w.found(&DamageError{n, "line cannot be read"})
			leaf, ok := claimedLeaf(text, n)
			if !ok {
				return nil, nil
			}
			w.add(&Stored{Outbox: w.outbox}, leaf)
			continue
		}
		if l.checkpoint != nil {
			if more {
				w.found(&DamageError{n, "lines follow the checkpoint"})
			}
			return l.checkpoint, nil
		}
		damage := w.check(&l.entry, inspect(&l.entry))
		leaf := Leaf(l.entry.Commitment)
		if damage != nil {
			w.found(damage)
			leaf = l.leaf
		} else if leaf != l.leaf {
			w.found(&DamageError{n, "leaf hash is not that of the commitment"})
		}
		if l.entry.Index != n {
			return nil, nil
		}
		w.add(&l.entry, leaf)
		if damage := w.roots(); damage != nil {
			w.found(damage)
		}
	}
	return nil, nil
}

// claimedLeaf returns the leaf hash at its place in record n's line, whatever else is wrong with the line.
func claimedLeaf(text []byte, n int64) (leaf tlog.Hash, ok bool) {
	want := line{entry: Stored{Index: n}}.append(nil)
	at := bytes.Index(want, []byte(`"leaf":"`)) + len(`"leaf":"`)
	if len(text) < at+64 {
		return leaf, false
	}
	_, err := hex.Decode(leaf[:], text[at:at+64])
	return leaf, err == nil
}

// wholeLines splits at newlines alone, keeps carriage returns, and gives a last line without newline
// a stray byte, so that it is not taken for a whole one.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), append(bytes.Clone(data), 0), nil
	}
	return 0, nil, nil
}
