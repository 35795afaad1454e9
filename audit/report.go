package audit

import (
	"fmt"
	"strings"
)

// Report is what a verification found. The zero Report is not OK.
type Report struct {
	OK         bool       // everything that could be checked was checked and held
	First      int64      // index of the first bad record, or a smaller one where nothing tells it; -1 if OK
	Problem    string     // what is wrong, in words; empty if OK
	Records    int64      // complete records read
	Erased     int64      // of these, how many were erased, each named by an erasure record
	Proven     int64      // the first Proven records are exactly those that a verified checkpoint signed
	Rotations  int64      // how often the log was handed over to another key
	Checkpoint Checkpoint // the log's newest checkpoint, zero if it has no valid one
	Saved      Checkpoint // the checkpoint saved earlier, zero if none was given or it is not valid
}

// String returns the report as a few lines for people.
func (r Report) String() string {
	var b strings.Builder
	if r.OK {
		fmt.Fprintf(&b, "verified: %d records", r.Records)
	} else {
		fmt.Fprintf(&b, "NOT VERIFIED: first bad record %d: %s\n%d records read", r.First, r.Problem, r.Records)
	}
	if r.Erased > 0 {
		fmt.Fprintf(&b, ", %d of them erased", r.Erased)
	}
	fmt.Fprintf(&b, "; the first %d are as signed", r.Proven)
	if n := r.Records - r.Proven; r.OK && n > 0 {
		fmt.Fprintf(&b, "; the last %d are not under a checkpoint yet", n)
	}
	if r.Rotations > 0 {
		fmt.Fprintf(&b, "; handed over to another key %d times", r.Rotations)
	}
	if r.Checkpoint.Origin != "" {
		fmt.Fprintf(&b, "\nnewest checkpoint: %s, %d records, root %s", r.Checkpoint.Origin, r.Checkpoint.N, r.Checkpoint.Hash)
	}
	if r.Saved.Origin != "" {
		fmt.Fprintf(&b, "\nsaved checkpoint:  %s, %d records, root %s", r.Saved.Origin, r.Saved.N, r.Saved.Hash)
	}
	return b.String()
}
